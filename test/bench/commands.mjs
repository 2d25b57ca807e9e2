// `npm run bench`: what commands cost, beside the targets and beside other programs. Asserts nothing.
//
//   npm run bench -- --rounds=25 --secrets=1000000
//
// --secrets is how many the large store has; 0 leaves it out. COFFER_BENCH_COLD=1, as root, also drops the page cache, which
// slows down whatever else runs on the machine. Every ratio is of pairs: two commands in the same round.

import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuild, ensureDependencies, ensureNode, root, say } from '../setup/ensure.mjs';
import { ensureSoftHsm } from '../setup/softhsm.mjs';
import { copyNode, copyProgram } from './copies.mjs';
import { cold, large, small } from './sets.mjs';
import { printMeasured, printTargets } from './table.mjs';
import { makeStore, makeToken } from './stand.mjs';
import { systemNode } from './system-node.mjs';
import { yardsticks } from './yardsticks.mjs';

const FEW = 10;
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '25' }, secrets: { type: 'string', default: '1000000' } },
});
const [rounds, secrets] = [Number(values.rounds), Number(values.secrets)];

ensureNode();
await ensureDependencies();
ensureBuild();
if (!existsSync(join(root, 'dist', 'program')))
  throw new Error('the program was not compiled: see what npm run build says');
const softHsm = ensureSoftHsm();
// Without links, since coffer trusts no path that somebody could have laid.
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'coffer-bench-'));
const others = yardsticks(folder);
try {
  const token = makeToken(folder, softHsm);
  const store = makeStore(join(folder, 'few'), token, FEW);
  const system = systemNode();
  const node = copyNode(system.path, join(folder, 'system'));
  const here = copyNode(process.execPath, join(folder, 'here'));
  const program = copyProgram(join(folder, 'program'));
  const stand = { folder, token, store, node, here, program, rounds };
  const sets = [small(stand, others.commands)];
  if (secrets > 0) {
    say(`filling a store with ${secrets} secrets`);
    const many = makeStore(join(folder, 'many'), token, secrets);
    say(`the large store: ${many.filled}`);
    sets.push(large(stand, many, secrets));
  }
  if (process.env.COFFER_BENCH_COLD === '1') sets.push(cold(stand));
  printTargets(Object.assign({}, ...sets), { version: system.version, rounds, secrets });
  sets.forEach(printMeasured);
} finally {
  others.end();
  rmSync(folder, { recursive: true });
}
