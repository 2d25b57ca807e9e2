// Runs the unit tests of what encrypts, signs and keeps keys within a program that Bun compiled: its node:crypto is another
// than Node's, and coffer's answers have to be the same. `node test/compiled/run.mjs [WORD...]` runs the files whose path has a WORD.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const bun = join(root, `node_modules/@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : process.arch}/bin/bun`);

const FOLDERS = ['barrier', 'core', 'engines', 'entropy', 'pkcs11', 'seal', 'storage'];
const FILES = ['aes-siv.test.ts', 'private-files.test.ts', 'standards.test.ts'];

/** Test files whose source has the word, and why they are not in the program. */
const LEFT_OUT = [
  [/vi\.mock\(/, 'replaces node:crypto'],
  [/vi\.resetModules\(/, 'loads a module anew'],
];

if (!existsSync(bun)) {
  console.log(`skipped: tests within a compiled program (no ${bun.slice(root.length + 1)} for this system)`);
} else {
  process.exitCode = (await main(bun)) ? 0 : 1;
}

async function main(bun) {
  const words = process.argv.slice(2);
  const files = testFiles().filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  const folder = mkdtempSync(join(tmpdir(), 'coffer-compiled-'));
  try {
    const program = join(folder, 'tests');
    const args = [join(root, 'test/compiled/build.mjs'), program, ...files];
    const { status } = spawnSync(bun, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0 || !existsSync(program)) {
      console.log('FAILED: the test program was not built');
      return false;
    }
    return await runAll(program, files);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runAll(program, files) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { output, counts } = await runOne(program, file);
      for (const outcome of Object.keys(sum)) sum[outcome] += counts[outcome];
      if (counts.failed > 0) console.log(output);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  console.log(
    `compiled: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped, of ${files.length} test files`,
  );
  return sum.failed === 0 && sum.passed > 0;
}

/** A process for each file, as vitest has it: a PKCS#11 module keeps state in its process. */
function runOne(program, file) {
  return new Promise((resolve) => {
    const child = spawn(program, [file, process.execPath], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('close', (status, signal) => {
      const last = /^\{"passed":.*\}$/m.exec(output)?.[0];
      const counts = last === undefined ? { passed: 0, failed: 0, skipped: 0 } : JSON.parse(last);
      // An end without a result, or a test that ended the process.
      if (status !== 0 && counts.failed === 0) {
        counts.failed = 1;
        output += `FAILED: ${file} ended with ${signal ?? status}\n`;
      }
      resolve({ output: output.replace(`${last}\n`, ''), counts });
    });
  });
}

function testFiles() {
  const unit = join(root, 'test/unit');
  const within = FOLDERS.flatMap((folder) =>
    readdirSync(join(unit, folder), { recursive: true }).map((name) => join(folder, name)),
  );
  const files = [...within.filter((name) => name.endsWith('.test.ts')).sort(), ...FILES];
  return files.map((name) => join('test/unit', name)).filter((file) => !isLeftOut(file));
}

function isLeftOut(file) {
  const source = readFileSync(join(root, file), 'utf8');
  const reason = LEFT_OUT.find(([sign]) => sign.test(source))?.[1];
  if (reason !== undefined) console.log(`left out: ${file} (${reason})`);
  return reason !== undefined;
}
