import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStand, type Stand } from '../support/store.ts';

const SECRETS = 60;
/** Calls of a command that reads nothing and writes nothing on a seal-wrapped mount: the store is opened once for each of two transactions. */
const OPENED = 2;

describe.each([1, 2])('kv import into version %i', (version) => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
  });
  afterAll(() => stand.remove());

  const lines = (value: string): string => {
    const line = (at: number): string => `{"data":{"n":1.50,"v":"${value} ${at}"},"path":"f${at % 7}/${at}"}`;
    return Array.from({ length: SECRETS }, (_, at) => line(at))
      .sort()
      .join('\n');
  };
  /** What a version 2 mount tells of its secrets beside the data is left out. */
  const exported = (mount: string): string =>
    stand
      .ok('kv', 'export', `-mount=${mount}`, '-')
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/,"metadata":\{.*\}(?=,"path")/, ''))
      .sort()
      .join('\n');

  /** How often each of these was called by an import of that, and what it said. */
  function imported(mount: string, value: string): { said: string; login: number; opened: number; sealed: number } {
    stand.shim?.clear();
    const { status, stdout } = stand.run(['kv', 'import', `-mount=${mount}`, '-'], { input: lines(value) });
    expect(status).toBe(0);
    const count = (...names: string[]): number =>
      Math.max(...names.map((name) => stand.shim?.calls().filter((call) => call === name).length ?? -1));
    return {
      said: /: (.*)\n$/.exec(stdout)?.[1] ?? '',
      login: count('C_Login'),
      opened: count('C_Decrypt', 'C_Verify'),
      sealed: count('C_Encrypt', 'C_Sign'),
    };
  }

  it.each([
    ['plain', false, []],
    ['wrapped', true, ['-seal-wrap']],
    ['entropy', false, ['-external-entropy-access']],
    ['both', true, ['-seal-wrap', '-external-entropy-access']],
  ] as const)('%s: one login, and no call for a secret but those that its rows need', (mount, isWrapped, flags) => {
    stand.ok('secrets', 'enable', `-path=${mount}`, `-version=${version}`, ...flags, 'kv');
    /** Version 2 has a row for the data and one for the rest. */
    const rows = isWrapped ? SECRETS * version : 0;
    expect(imported(mount, 'first')).toEqual({
      said: `${SECRETS} new, 0 changed, 0 unchanged`,
      login: 1,
      opened: OPENED,
      sealed: rows,
    });
    expect(exported(mount)).toBe(lines('first'));
    // What is there is read to be checked and when it is written.
    expect(imported(mount, 'first')).toEqual({
      said: `0 new, 0 changed, ${SECRETS} unchanged`,
      login: 1,
      opened: OPENED + 2 * rows,
      sealed: 0,
    });
    expect(imported(mount, 'other')).toEqual({
      said: `0 new, ${SECRETS} changed, 0 unchanged`,
      login: 1,
      opened: OPENED + 2 * rows,
      sealed: rows,
    });
    expect(exported(mount)).toBe(lines('other'));
    expect(stand.ok('operator', 'verify')).toContain('Every row is the one that was written last');
  });
});
