import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSoftHsm } from '../support/softhsm.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What stands first on PATH for an installation, a Node and an npm; `npm run test:npm` gives those of every release. */
const installs: string[] = JSON.parse(
  process.env['COFFER_TEST_INSTALLS'] ?? JSON.stringify([dirname(process.execPath)]),
) as string[];

let folder: string;
let tarball: string;
let files: string[];
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-npm-')));
  // What `npm test` has built is what is packed; prepack would look for it once more.
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  tarball = join(folder, execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim());
  files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n').sort();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the npm package', () => {
  it('has what the bundle runs with, and neither the program nor a source', () => {
    const inDist = (name: string) => `dist/${name}`;
    const cache = /^package\/dist\/coffer\.cjs\.cache-/;
    expect(files.filter((name) => cache.test(name))).not.toEqual([]);
    expect(files.filter((name) => !cache.test(name) && !name.startsWith('package/man/'))).toEqual(
      [
        'README.md',
        'bin/coffer.cjs',
        ...[
          'coffer.cjs',
          'coffer.cjs.LEGAL.txt',
          'coffer.cjs.map',
          'commander.cjs',
          'dotenv.cjs',
          'hcl2-parser.cjs',
        ].map(inDist),
        ...['guard', 'pkcs11', 'sqlite'].map((name) => inDist(`lib/${name}.node`)),
        ...['prompts.cjs', 'string-width.cjs', 'yaml.cjs'].map(inDist),
        'package.json',
      ].map((name) => `package/${name}`),
    );
  });

  it('depends on no other', () => {
    const given = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object;
    expect(given).not.toHaveProperty('dependencies');
    expect(given).not.toHaveProperty('optionalDependencies');
  });

  it.each(installs)('runs where it was installed without a network or a script, with %s', (first) => {
    const home = mkdtempSync(join(folder, 'home-'));
    const prefix = join(home, 'prefix');
    mkdirSync(prefix);
    const hsm = createSoftHsm({ dir: home });
    const config = join(home, 'coffer.hcl');
    const path = [first, process.env['PATH']].join(delimiter);
    const env = { ...hsm.env, PATH: path, HOME: home, COFFER_CONFIG: config };
    const npm = ['install', '--global', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', prefix];
    execFileSync('npm', [...npm, tarball], { env, stdio: 'pipe' });
    writeFileSync(
      config,
      `storage "sqlite" { path = "${join(home, 'coffer.db')}" }
      seal "pkcs11" {
        lib = "${hsm.lib}"
        token_label = "${hsm.label}"
        pin = "${hsm.pin}"
        key_label = "key"
        hmac_key_label = "hmac"
        generate_key = "true"
      }`,
      { mode: 0o600 },
    );
    const coffer = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(join(prefix, 'bin/coffer'), args, { env, encoding: 'utf8' });
      return status === 0 ? stdout : `exit ${status}: ${stderr}`;
    };
    expect(coffer('version')).toMatch(/^coffer v\d/i);
    expect(coffer('init', '-recovery-shares=1', '-recovery-threshold=1')).toContain('Recovery Key 1');
    expect(coffer('unseal')).toContain('Success!');
    expect(coffer('secrets', 'enable', 'kv')).toContain('Success!');
    expect(coffer('kv', 'put', 'kv/app', 'key=value')).toContain('Success!');
    expect(coffer('kv', 'get', '-field=key', 'kv/app')).toBe('value');
  });
});
