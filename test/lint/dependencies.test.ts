import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A tree that keeps the rule: every folder of src has one module, and they import each other as they may. */
const lawful: Record<string, string> = {
  'main.ts': `import './cli/a.ts'; import './errors.ts';`,
  'errors.ts': `import './bytes.ts';`,
  'bytes.ts': ``,
  'cli/a.ts': `import '../core/a.ts'; import '../config/a.ts'; import '../errors.ts'; import 'commander'; import 'chalk';
    export const ask = () => import('inquirer');`,
  'core/a.ts': `import '../engines/a.ts'; import '../barrier/index.ts'; import '../seal/a.ts'; import '../storage/a.ts';
    import '../entropy/index.ts'; import '../config/a.ts'; import '../pkcs11/a.ts';`,
  'engines/a.ts': `import type { B } from '../barrier/index.ts'; import type { E } from '../entropy/index.ts';
    import '../errors.ts'; import '@noble/ciphers/aes.js'; import '@noble/curves/nist.js'; export type F = B | E;`,
  'barrier/index.ts': `import '../storage/a.ts'; import type { E } from '../entropy/index.ts'; export type B = E;`,
  'seal/a.ts': `import '../pkcs11/a.ts'; import '../entropy/index.ts'; import 'shamir-secret-sharing';
    import type { C } from '../config/types.ts'; export type S = C;`,
  'pkcs11/a.ts': `import type { C } from '../config/types.ts'; export const load = () => import('pkcs11js'); export type P = C;`,
  'entropy/index.ts': `import '../errors.ts'; export type E = 1;`,
  'storage/a.ts': `import '../errors.ts'; import 'better-sqlite3';`,
  'config/a.ts': `import './types.ts'; import 'hcl2-parser';`,
  'config/types.ts': `export type C = 1;`,
  'test/support/a.ts': `import '../../src/core/a.ts'; import 'better-sqlite3'; import 'esbuild';`,
  'test/unit/seal/a.ts': `import '../../../src/seal/a.ts'; import '../../support/a.ts';`,
  'test/unit/core/a.test.ts': `import '../seal/a.ts'; import 'vitest';`,
  'test/scenarios/a.test.ts': `import '../../src/cli/a.ts'; import '../support/a.ts';`,
};

/** One module each, with what it imports and the rule that must name it. */
const unlawful: [path: string, source: string, rule: string][] = [
  ['core/bad1.ts', `import '../cli/a.ts';`, 'core-imports'],
  ['core/bad2.ts', `import type { X } from '../cli/a.ts'; export type Y = X;`, 'core-imports'],
  ['core/bad3.ts', `import 'better-sqlite3';`, 'better-sqlite3-only-in-storage'],
  ['core/bad4.ts', `export const load = () => import('pkcs11js');`, 'pkcs11js-only-in-pkcs11'],
  ['cli/bad1.ts', `import '../storage/a.ts';`, 'cli-imports'],
  ['cli/bad2.ts', `import 'hcl2-parser';`, 'hcl2-parser-only-in-config'],
  ['cli/bad3.ts', `import 'vitest';`, 'unknown-package'],
  ['cli/bad4.ts', `import './nowhere.ts';`, 'resolvable'],
  ['cli/bad5.ts', `import '../main.ts';`, 'nothing-imports-main'],
  ['engines/bad1.ts', `import { x } from '../barrier/index.ts'; export const y = x;`, 'engines-imports-types'],
  ['engines/bad2.ts', `import type { X } from '../storage/a.ts'; export type Y = X;`, 'engines-imports'],
  ['engines/bad3.ts', `import '../config/types.ts';`, 'engines-imports'],
  ['engines/bad4.ts', `import 'commander';`, 'commander-only-in-cli'],
  ['barrier/bad1.ts', `import '../seal/a.ts';`, 'barrier-imports'],
  ['barrier/bad2.ts', `import { x } from '../entropy/index.ts'; export const y = x;`, 'barrier-imports-types'],
  ['seal/bad1.ts', `import '../storage/a.ts';`, 'seal-imports'],
  ['seal/bad2.ts', `import '@noble/ciphers/aes.js';`, '@noble/ciphers-only-in-engines'],
  ['barrier/bad3.ts', `import '@noble/curves/nist.js';`, '@noble/curves-only-in-engines'],
  ['pkcs11/bad1.ts', `import { x } from '../config/types.ts'; export const y = x;`, 'pkcs11-imports-types'],
  ['pkcs11/bad2.ts', `import '../config/a.ts';`, 'pkcs11-imports'],
  ['entropy/bad1.ts', `import '../seal/a.ts';`, 'entropy-imports'],
  ['storage/bad1.ts', `import '../barrier/index.ts';`, 'storage-imports'],
  ['storage/bad2.ts', `import 'shamir-secret-sharing';`, 'shamir-secret-sharing-only-in-seal'],
  ['config/bad1.ts', `import '../core/a.ts';`, 'config-imports'],
  ['config/bad2.ts', `import 'inquirer';`, 'inquirer-only-in-cli'],
  ['bad1.ts', `import './core/a.ts';`, 'root-modules-import'],
  ['bad2.ts', `import 'chalk';`, 'chalk-only-in-cli'],
  ['helpers/bad1.ts', `import '../errors.ts';`, 'unknown-folder'],
  ['cli/round.ts', `import './round.ts';`, 'no-circular'],
  ['cli/orphan.ts', `export {};`, 'no-orphans'],
  ['core/bad5.ts', `import '../../test/support/a.ts';`, 'nothing-imports-test'],
  ['bad3.ts', `import type { X } from '../test/support/a.ts'; export type Y = X;`, 'nothing-imports-test'],
  ['test/unit/bad1.test.ts', `import '../scenarios/b.ts';`, 'test-unit-imports'],
  ['test/scenarios/b.ts', `import '../unit/seal/a.ts';`, 'test-scenarios-imports'],
  ['test/support/bad1.ts', `import '../unit/seal/a.ts';`, 'test-support-imports'],
  ['test/unit/bad2.test.ts', `import './core/a.test.ts';`, 'nothing-imports-a-test'],
  ['test/support/round.ts', `import './round.ts';`, 'no-circular'],
  ['test/helpers/bad1.ts', `import '../support/a.ts';`, 'unknown-folder-of-test'],
];

/** Where a module stands in the tree: in src, unless its name begins with `test/`. */
function placeOf(name: string): string {
  return name.startsWith('test/') ? name : `src/${name}`;
}

interface Cruise {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

describe('the one-way rule', () => {
  let tree: string;
  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'coffer-imports-'));
    for (const name of ['package.json', 'tsconfig.json']) copyFileSync(join(root, name), join(tree, name));
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  });
  afterAll(() => {
    rmSync(tree, { recursive: true });
  });

  function violations(sources: Record<string, string>): string[] {
    for (const folder of ['src', 'test']) rmSync(join(tree, folder), { recursive: true, force: true });
    for (const [name, source] of Object.entries(sources)) {
      const path = join(tree, placeOf(name));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, source);
    }
    const config = join(root, 'test/lint/dependencies.cjs');
    const args = [
      join(root, 'node_modules/.bin/depcruise'),
      '--config',
      config,
      '--output-type',
      'json',
      'src',
      'test',
    ];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8' });
    expect(stderr).toBe('');
    const { summary } = JSON.parse(stdout) as Cruise;
    return summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`);
  }

  it('lets a lawful tree pass', () => {
    expect(violations(lawful)).toEqual([]);
  });

  it('names every import against the rule', () => {
    const found = violations({ ...lawful, ...Object.fromEntries(unlawful.map(([path, source]) => [path, source])) });
    for (const [path, source, rule] of unlawful) expect(found, source).toContain(`${placeOf(path)}: ${rule}`);
  });
});
