import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { atTerminal, KEYS, plain } from '../support/pty.ts';
import { configuration, makeStand, readRows, writeRows, type Outcome, type RunOptions } from '../support/store.ts';

describe('unseal -wait', () => {
  const stand = makeStand({ shim: true });
  const faults = stand.write('faults', '');
  const changing = { COFFER_SHIM_FAULT: `@${faults}` };
  beforeAll(() => {
    stand.ok('init', '-recovery-shares=0', '-recovery-threshold=0');
  });
  afterEach(() => {
    stand.write('faults', '');
    stand.run(['hsm', 'test', '-retry-pin', '-force']);
    stand.ok('seal');
  });
  afterAll(() => stand.remove());

  const count = (name: string): number => stand.shim?.calls().filter((call) => call === name).length ?? -1;
  const notes = (stderr: string): number =>
    stderr.split('\n').filter((line) => line.startsWith('note: waiting')).length;

  /** What came of it, and how often C_Login was called. */
  function waited(longest: string, options: RunOptions = {}, ...args: string[]): Outcome & { logins: number } {
    stand.shim?.clear();
    const outcome = stand.run(['unseal', `-wait=${longest}`, ...args], options);
    return { ...outcome, logins: count('C_Login') };
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Processes of this test that are still there. */
  function left(): string[] {
    return readdirSync('/proc').filter(
      (name) =>
        /^\d+$/.test(name) &&
        Number(name) !== process.pid &&
        environment(name).includes(`COFFER_CONFIG=${stand.config}\0`),
    );
  }

  it.each([
    ['there is no token', 'no-token', 'C_GetSlotList'],
    ['C_Initialize fails', 'fail:C_Initialize:0x30', 'C_Initialize'],
    ['the slots cannot be listed', 'fail:C_GetSlotList:0x6', 'C_GetSlotList'],
    ['the token cannot be described', 'fail:C_GetTokenInfo:0x5', 'C_GetTokenInfo'],
    ['no session can be opened', 'fail:C_OpenSession:0x32', 'C_OpenSession'],
    ['the module crashes as it starts', 'crash:C_Initialize', 'C_Initialize'],
    ['the module crashes before the login', 'crash:C_OpenSession', 'C_OpenSession'],
    ['the module ends the process', 'misbehave:C_Initialize:exit-0', 'C_Initialize'],
    ['the module hangs for longer than its timeout', 'misbehave:C_GetTokenInfo:hang-blocked', 'C_GetTokenInfo'],
  ])('waits while %s, and logs in once', async (_what, fault, call) => {
    stand.write('faults', fault);
    stand.shim?.clear();
    const running = stand.start(['unseal', '-wait=80s'], { env: { ...changing, COFFER_HSM_TIMEOUT: '3s' } });
    await until(() => count(call) >= 2); // two tries at least
    stand.write('faults', '');
    const { status, stdout, stderr } = await running.outcome;
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'Success! The store is unsealed\n' });
    expect(notes(stderr)).toBe(1);
    expect(stderr).toMatch(/^note: waiting at most 1m20s for the HSM: .+\n/m);
    expect(count('C_Login')).toBe(1);
    expect(left()).toEqual([]);
  });

  it('waits for a module that is not there yet', async () => {
    const lib = join(stand.dir, 'later.so');
    const running = stand.start(['unseal', '-wait=80s', '-format=json'], { env: { COFFER_HSM_LIB: lib } });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    symlinkSync(stand.lib, lib);
    const { status, stdout, stderr } = await running.outcome;
    rmSync(lib);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ sealed: false });
    expect(notes(stderr)).toBeLessThanOrEqual(1);
  });

  it('gives up a try that hangs in the module, and not the wait', async () => {
    stand.write('faults', 'hang:C_Initialize:600000');
    stand.shim?.clear();
    const running = stand.start(['unseal', '-wait=80s'], { env: changing });
    await until(() => count('C_Initialize') >= 1);
    stand.write('faults', '');
    const { status, stderr } = await running.outcome;
    expect(status).toBe(0);
    expect(stderr).toContain('note: waiting at most 1m20s for the HSM: the HSM did not answer within 5s');
    expect(count('C_Login')).toBe(1);
    expect(left()).toEqual([]);
  });

  it('says what the module did in a try, and the function, in one message', () => {
    const outcome = waited('2s', { env: { COFFER_SHIM_FAULT: 'misbehave:C_OpenSession:segv' } });
    expect(outcome).toMatchObject({ status: 3, stdout: '', logins: 0 });
    const lines = outcome.stderr.split('\n').filter((line) => !line.startsWith('note: waiting'));
    expect(lines).toEqual([
      expect.stringMatching(/^error: .* crashed \(SIGSEGV\) in C_OpenSession$/),
      expect.stringMatching(/^hint: nothing in the store was changed; /),
      '',
    ]);
  });

  it('succeeds where the module fails when the store is unsealed, and says so', () => {
    const outcome = waited('60s', { env: { COFFER_SHIM_FAULT: 'misbehave:C_Finalize:exit-1' } });
    expect(outcome).toMatchObject({ status: 0, stdout: 'Success! The store is unsealed\n', logins: 1 });
    expect(outcome.stderr).toMatch(
      /^note: the PKCS#11 module .* called exit\(\) in C_Finalize, when the command was over; .*\n$/,
    );
  });

  it('gives a login the time that one call may take, and ends none half way', () => {
    const outcome = waited('60s', { env: { COFFER_SHIM_FAULT: 'hang:C_Login:6500' } });
    expect(outcome).toMatchObject({ status: 0, stdout: 'Success! The store is unsealed\n', stderr: '', logins: 1 });
  });

  it('logs in again after a device was lost behind a login that went well', async () => {
    stand.write('faults', 'fail:C_DecryptInit:0x32');
    stand.shim?.clear();
    const running = stand.start(['unseal', '-wait=80s'], { env: changing });
    await until(() => count('C_DecryptInit') >= 1);
    stand.write('faults', '');
    expect(await running.outcome).toMatchObject({ status: 0, stdout: 'Success! The store is unsealed\n' });
    expect(count('C_Login')).toBe(2);
  });

  it('reports the last error when the time is up', () => {
    const outcome = waited('9s', { env: { COFFER_SHIM_FAULT: 'no-token' } });
    expect(outcome).toMatchObject({ status: 3, stdout: '', logins: 0 });
    const [note = '', error = '', hint = ''] = outcome.stderr.split('\n');
    expect(note).toBe(error.replace('error:', 'note: waiting at most 9s for the HSM:'));
    expect(error).toMatch(/^error: .*token/);
    expect(hint).toMatch(/^hint: ./);
  });

  it('ends a try that hangs when the time is up', () => {
    const outcome = waited('2s', { env: { COFFER_SHIM_FAULT: 'hang:C_OpenSession:600000' } });
    expect(outcome).toMatchObject({ status: 3, logins: 0 });
    expect(outcome.stderr).toContain('error: the HSM did not answer in time\nhint: ');
    expect(left()).toEqual([]);
  });

  it.each([
    ['a wrong PIN', { COFFER_HSM_PIN: 'pin-9999' }, 1, /CKR_PIN_INCORRECT/],
    ['CKR_DEVICE_ERROR', { COFFER_SHIM_FAULT: 'fail:C_Login:0x30' }, 1, /C_Login failed: CKR_DEVICE_ERROR/],
    ['CKR_TOKEN_NOT_PRESENT', { COFFER_SHIM_FAULT: 'fail:C_Login:0xe0' }, 1, /C_Login failed: CKR_TOKEN_NOT_PRESENT/],
    ['a crash', { COFFER_SHIM_FAULT: 'crash:C_Login' }, 1, /C_Login/],
    [
      'no answer',
      { COFFER_SHIM_FAULT: 'hang:C_Login:600000', COFFER_HSM_TIMEOUT: '2s' },
      1,
      /^error: .* did not answer within 2 s in C_Login\nhint: a try of the PIN may have been spent/,
    ],
    [
      'exit()',
      { COFFER_SHIM_FAULT: 'misbehave:C_Login:exit-0' },
      1,
      /^error: .* called exit\(\) in C_Login\nhint: a try of the PIN may have been spent/,
    ],
    ['one try left', { COFFER_SHIM_FAULT: 'pin-final-try' }, 0, /one more wrong PIN locks/],
    ['a locked PIN', { COFFER_SHIM_FAULT: 'pin-locked' }, 0, /is locked/],
  ])('ends at a login that meets %s', (_what, env, logins, message) => {
    const outcome = waited('60s', { env });
    expect(outcome).toMatchObject({ status: 3, stdout: '', logins });
    expect(outcome.stderr).toMatch(message);
    expect(notes(outcome.stderr)).toBe(0);
    expect(left()).toEqual([]);
  });

  it.each([
    ['a store that is not there', { COFFER_STORAGE_PATH: '/nonexistent/coffer.db' }, 2, 'not_initialized'],
    ['a configuration that is wrong', { COFFER_HSM_MAX_PARALLEL: '0' }, 1, 'config_value'],
    ['a PIN that is none', { COFFER_HSM_PIN: '12\t34' }, 1, 'pin_malformed'],
    [
      'what goes wrong after the login and is not the device',
      { COFFER_SHIM_FAULT: 'fail:C_FindObjectsInit:0x54' },
      3,
      'ckr_function_not_supported',
    ],
    ['what is no module', { COFFER_HSM_LIB: '/etc/passwd' }, 3, 'module_invalid'],
    ['arguments that the module does not take', { COFFER_SHIM_FAULT: 'fail:C_Initialize:0x7' }, 3, 'ckr_arguments_bad'],
  ])('does not wait for %s', (_what, env, status, code) => {
    const outcome = waited('60s', { env }, '-format=json');
    expect(outcome.status).toBe(status);
    expect(JSON.parse(outcome.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({ code });
    expect(notes(outcome.stderr)).toBe(0);
    expect(count('C_Initialize')).toBeLessThanOrEqual(2);
  });

  it('does not wait for a store that was altered', () => {
    const record = readRows(stand.path).find(({ path }) => path === 'core/record')?.value ?? Buffer.alloc(0);
    writeRows(stand.path, { 'core/record': record.map((byte, at) => (at === record.length - 1 ? byte ^ 1 : byte)) });
    try {
      const outcome = waited('60s');
      expect(outcome.status).toBe(4);
      expect(notes(outcome.stderr)).toBe(0);
    } finally {
      writeRows(stand.path, { 'core/record': record });
    }
  });

  it('can be run again, and sets an end', () => {
    expect(waited('60s')).toMatchObject({
      status: 0,
      stdout: 'Success! The store is unsealed\n',
      stderr: '',
      logins: 1,
    });
    expect(waited('60s')).toMatchObject({
      status: 0,
      stdout: 'Success! The store was already unsealed\n',
      stderr: '',
      logins: 1,
    });
    expect(waited('60s', {}, '-ttl=8h').stdout).toBe('Success! The store is unsealed; it seals itself in 8h0m0s\n');
    expect(JSON.parse(stand.ok('status', '-format=json'))).toHaveProperty('ttl');
  });

  it('takes the HSM and its time from the same flags and configuration as without', () => {
    stand.write('other.hcl', configuration(stand).replace(stand.lib, '/etc/passwd'));
    const outcome = waited('60s', {}, '-config=other.hcl');
    expect(outcome).toMatchObject({ status: 3, logins: 0 });
    expect(outcome.stderr).toContain('/etc/passwd');
    expect(waited('0s')).toMatchObject({ status: 1, logins: 0 });
    expect(waited('60s', { env: { COFFER_SHIM_FAULT: 'pin-final-try' } }, '-force')).toMatchObject({
      status: 0,
      logins: 1,
    });
  });

  it('asks for a PIN once the HSM is there, and where nobody can be asked says so', async () => {
    stand.write('asking.hcl', configuration(stand).replace(/ *pin *=.*\n/, ''));
    const outcome = waited('60s', { input: '1234\n' }, '-config=asking.hcl');
    expect(outcome).toMatchObject({ status: 3, logins: 0 });
    expect(outcome.stderr).toContain('error: no PIN was given for token "demo"');
    const typist = atTerminal(stand, 'coffer unseal -wait=60s -config=asking.hcl');
    await typist.shows('PIN of the token "demo"');
    typist.type(`${stand.hsm.pin}${KEYS.enter}`);
    expect(await typist.ends).toBe(0);
    expect(plain(typist.screen())).toContain('Success! The store is unsealed');
    expect(count('C_Login')).toBe(1);
  });

  it('leaves the PIN to a PIN pad', () => {
    const outcome = waited('60s', { env: { COFFER_SHIM_FAULT: `protected-auth:${stand.hsm.pin}` } });
    expect(outcome).toMatchObject({
      status: 0,
      logins: 1,
      stderr: 'note: enter the PIN of the token "demo" on its PIN pad\n',
    });
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s ends it and its try', async (signal) => {
    stand.shim?.clear();
    const running = stand.start(['unseal', '-wait=60s'], { env: { COFFER_SHIM_FAULT: 'hang:C_OpenSession:600000' } });
    await until(() => count('C_OpenSession') === 1);
    running.kill(signal);
    expect(await running.outcome).toMatchObject({ status: null, signal, stdout: '' });
    expect(left()).toEqual([]);
  });

  it('SIGTERM ends it between two tries', async () => {
    const running = stand.start(['unseal', '-wait=60s'], { env: { COFFER_SHIM_FAULT: 'no-token' } });
    await until(() => left().length === 1);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    running.kill('SIGTERM');
    expect(await running.outcome).toMatchObject({ status: null, signal: 'SIGTERM' });
    expect(left()).toEqual([]);
  });
});

/** Empty for a process that has ended. */
function environment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}
