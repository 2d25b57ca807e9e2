import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hold } from '../support/hold.ts';
import { makeStand, type Stand } from '../support/store.ts';

/** A YubiHSM 2 has 16 sessions for all programs, and C_Finalize closes none of them. */
const SESSIONS = 16;

describe('on a device that keeps the sessions which nobody closes', () => {
  let stand: Stand;
  let faults: string;
  beforeEach(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'kv/app', 'v=w');
    faults = `keeps-sessions:${SESSIONS}:${join(stand.dir, 'sessions')},token-manufacturer:Yubico (www.yubico.com)`;
  });
  afterEach(() => stand.remove());

  function run(args: readonly string[], more = '', env: Readonly<Record<string, string>> = {}) {
    return stand.run(args, { env: { COFFER_SHIM_FAULT: faults + more, ...env } });
  }

  /** How many the device has open. */
  const left = (): number => Number(readFileSync(join(stand.dir, 'sessions')).readBigInt64LE());

  it('more commands than it has sessions all succeed', { timeout: 120_000 }, () => {
    for (let n = 0; n <= SESSIONS; n++)
      expect(run(['kv', 'get', '-field=v', 'kv/app'])).toMatchObject({ status: 0, stdout: 'w' });
    expect(left()).toBe(0);
  });

  it.each([
    ['hsm keygen, which starts the module anew', ['hsm', 'keygen', '-label=another'], 0],
    ['sealwrap rewrap, which opens several', ['sealwrap', 'rewrap'], 0],
    ['hsm test', ['hsm', 'test'], 0],
    ['a command that the store refuses', ['kv', 'get', 'kv/none'], 2],
  ])('none is left by %s', (_, args, status) => {
    expect(run(args).status).toBe(status);
    expect(left()).toBe(0);
  });

  it.each([
    'fail:C_Login:0x30',
    'fail:C_FindObjectsInit:0x30',
    'fail:C_Verify:0x32',
    'fail:C_Decrypt:0x30',
    'misbehave:C_Finalize:segv',
  ])('none is left after %s', (fault) => {
    run(['kv', 'get', 'kv/app'], `,${fault}`);
    expect(left()).toBe(0);
  });

  it('none is left after a wrong PIN', () => {
    expect(run(['kv', 'get', 'kv/app'], '', { ...stand.anotherUser, COFFER_HSM_PIN: '99999999' }).status).toBe(3);
    expect(left()).toBe(0);
  });

  it('none is left by a command that is ended by a signal', async () => {
    const held = await hold(stand, ['kv', 'get', 'kv/app'], ['C_Verify:1'], {
      env: { COFFER_SHIM_FAULT: faults },
    });
    held.kill('SIGTERM');
    expect((await held.end()).signal).toBe('SIGTERM');
    expect(left()).toBe(0);
  });

  it('C_CloseAllSessions that fails changes nothing', () => {
    expect(run(['kv', 'get', '-field=v', 'kv/app'], ',fail:C_CloseAllSessions:0x30')).toMatchObject({
      status: 0,
      stdout: 'w',
      stderr: '',
    });
    expect(stand.shim?.calls().slice(-2)).toEqual(['C_CloseAllSessions', 'C_Finalize']);
  });
});
