import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStand, type Stand } from '../support/store.ts';
import { compileCalls, compileScript, typescript } from './programs.mjs';

/** All of SQLite is compiled once. */
const COMPILING_MS = 600_000;

/** A yardstick measures what coffer could cost at best only as long as it asks the same of the HSM. */
describe('the programs that make the calls of kv get', () => {
  let stand: Stand;
  let args: string[];
  const wanted: string[] = [];

  beforeAll(() => {
    stand = makeStand({ shim: true, entropy: false });
    coffer('init -recovery-shares=0 -recovery-threshold=0', 'unseal', 'secrets enable kv', 'kv put kv/app a=b');
    stand.shim?.clear();
    coffer('kv get kv/app');
    wanted.push(...calls());
    const pinFile = stand.write('pin', `${stand.hsm.pin}\n`);
    const env = { ...stand.env, PATH: process.env['PATH'] ?? '' };
    args = typescript('calls.ts', [stand.lib, stand.hsm.label, pinFile, stand.path], env).trimEnd().split('\n');
  });
  afterAll(() => stand.remove());

  function coffer(...lines: string[]): void {
    for (const line of lines) stand.ok(...line.split(' '));
  }

  function calls(): string[] {
    return stand.shim?.calls() ?? [];
  }

  it('have calls to make', () => {
    expect(wanted).toContain('C_Decrypt');
  });

  it.each([
    ['bare.ts', () => compileScript('bare.ts', join(stand.dir, 'bare'))],
    ['calls.c', compileCalls],
  ])('%s makes each of them, in the same order', { timeout: COMPILING_MS }, (_, compile) => {
    const program = compile();
    stand.shim?.clear();
    execFileSync(program, args, { cwd: stand.dir, env: stand.env });
    expect(calls()).toEqual(wanted);
  });
});
