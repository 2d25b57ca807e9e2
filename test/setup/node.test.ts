import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Says what it runs on. */
const SCRIPT = `
  import { ensureNode } from './bin/node.mjs';
  ensureNode();
  console.log(process.version, process.argv.slice(2).join(' '), (await import('node:child_process')).execSync('command -v node', { encoding: 'utf8' }));
  process.exitCode = 7;
`;

describe('ensureNode', () => {
  let folder: string;
  const write = (name: string, content: string) => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
    return file;
  };
  /** @param version that this Node says it has */
  const run = (version: string, env: Record<string, string> = {}) => {
    const old = write('old.cjs', `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
    const args = ['--require', old, join(folder, 'script.mjs'), 'a', 'b'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    return { status, stdout, stderr };
  };
  const fetched = () => join(folder, `.deps/node/node_modules/node-${process.platform}-${process.arch}/bin/node`);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coffer-node-'));
    mkdirSync(join(folder, 'bin'));
    cpSync(join(root, 'bin/node.mjs'), join(folder, 'bin/node.mjs'));
    write('script.mjs', SCRIPT);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(['22.12.0', '23.0.0', '24.1.0', '26.12.1'])('stays on Node %s', (version) => {
    const { status, stdout, stderr } = run(version);
    expect({ status, stderr }).toEqual({ status: 7, stderr: '' });
    expect(stdout).toContain(`${process.version} a b`);
  });

  it.each(['18.20.1', '20.19.0', '22.11.0'])(
    'goes from Node %s to the one that was fetched, with its npm',
    (version) => {
      // This Node, in the place and under the number of the package's, and without the pretence.
      const name = fetched().slice(folder.length);
      const again = `[ "$1" = --version ] && exec echo v24.21.0\nshift 2\nexec '${process.execPath}' "$@"\n`;
      write(name, `#!/bin/sh\n${again}`);
      const { status, stdout, stderr } = run(version);
      expect({ status, stderr }).toEqual({ status: 7, stderr: '' });
      expect(stdout).toBe(`${process.version} a b ${fetched()}\n\n`);
    },
  );

  it('says in two lines what to do where none can be had', () => {
    const env = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0' };
    const { status, stdout, stderr } = run('20.20.2', env);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^setup: Node.js 22\.12 or newer is needed; this is 20\.20\.2: fetching .*\nsetup: npm cannot install node-\S+; install Node.js 22, 24 or 26 and try again\n$/,
    );
  });
});
