import { afterEach, describe, expect, it } from 'vitest';
import { makeStand, type Stand } from '../support/store.ts';
import { destroyKeys } from '../support/softhsm.ts';

const stands: Stand[] = [];
afterEach(() => {
  for (const stand of stands.splice(0)) stand.remove();
});

function standFor(faults: string[], open = false): Stand {
  const stand = makeStand({ shim: true, faults: open ? [] : faults });
  stands.push(stand);
  if (open) stand.open();
  return stand;
}

const fault = (...faults: string[]): Record<string, string> => ({ COFFER_SHIM_FAULT: faults.join(',') });

describe('a module that tells nothing of any token', () => {
  it('is what is said, before any word about names in the configuration', () => {
    const stand = standFor([], true);
    const { status, stderr } = stand.run(['secrets', 'list'], { env: fault('fail:C_GetTokenInfo:0x30') });
    expect(status).toBe(3);
    expect(stderr).toMatch(
      /^error: the module tells nothing of any token: C_GetTokenInfo \(slot \d+\) failed: CKR_DEVICE_ERROR/,
    );
    expect(stderr).not.toContain('no token has label');
  });
});

describe('a token that nobody has initialised', () => {
  it.each([
    ['init', ['init', '-recovery-shares=0', '-recovery-threshold=0']],
    ['hsm keygen', ['hsm', 'keygen', '-label=x']],
    ['hsm test', ['hsm', 'test']],
  ])('is called that by %s, whether it wants a login or not', (_, args) => {
    const stand = standFor(['not-initialised']);
    expect(stand.run(args)).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('is not initialised\nhint: initialise it with `coffer hsm init-token`') as string,
    });
  });

  it('is called that by kv get and by hsm slots', () => {
    const stand = standFor([], true);
    const env = fault('not-initialised');
    expect(stand.run(['kv', 'get', 'kv/a'], { env })).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('is not initialised') as string,
    });
    const slots = JSON.parse(stand.run(['hsm', 'slots', '-format=json'], { env }).stdout) as {
      slots: { token: { initialized: boolean } }[];
    };
    expect(JSON.stringify(slots)).toContain('"initialized":false');
  });
});

describe('a module without locks', () => {
  it('is used by one thread, also where max_parallel allows more', () => {
    const stand = standFor([], true);
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    for (let at = 0; at < 12; at++) stand.ok('kv', 'put', `kv/${at}`, 'v=1');
    const env = { ...fault('one-thread'), COFFER_HSM_MAX_PARALLEL: '4' };
    expect(stand.run(['kv', 'get', '-field=v', 'kv/1'], { env })).toMatchObject({ status: 0, stdout: '1' });
    stand.ok('hsm', 'keygen', '-label=another');
    stand.shim?.clear();
    const names = { COFFER_HSM_KEY_LABEL: 'another', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' };
    expect(stand.run(['sealwrap', 'rewrap'], { env: { ...env, ...names } })).toMatchObject({ status: 0 });
    expect(stand.shim?.calls().filter((call) => call === 'C_OpenSession')).toHaveLength(1);
  });
});

describe('a module that starts with parameters', () => {
  it('gets COFFER_HSM_LIBRARY_PARAMETERS from hsm commands without a configuration', () => {
    const stand = standFor([]);
    const env = {
      ...fault('library-parameters:hello'),
      COFFER_CONFIG: '',
      XDG_CONFIG_HOME: '/nonexistent',
      COFFER_HSM_LIBRARY_PARAMETERS: 'hello',
    };
    const lib = stand.shim?.lib ?? '';
    expect(stand.run(['hsm', 'slots'], { env: { ...env, COFFER_HSM_LIB: lib } })).toMatchObject({ status: 0 });
    expect(stand.run(['hsm', 'slots', `-lib=${lib}`], { env })).toMatchObject({ status: 0 });
    expect(
      stand.run(['hsm', 'slots', `-lib=${lib}`], { env: { ...env, COFFER_HSM_LIBRARY_PARAMETERS: '' } }),
    ).toMatchObject({ status: 3 });
  });
});

describe('a label that is too long', () => {
  it('is refused by hsm keygen as key_label refuses it', () => {
    const stand = standFor([]);
    expect(stand.run(['hsm', 'keygen', `-label=${'x'.repeat(256)}`])).toMatchObject({
      status: 1,
      stderr: 'error: -label is longer than 255 bytes\nhint: use a shorter one\n',
    });
    expect(stand.run(['hsm', 'keygen', '-label='])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error: -label is empty\n/) as string,
    });
  });

  it('is what a token is said to refuse by CKR_DATA_LEN_RANGE', () => {
    const stand = standFor(['fail:C_GenerateKey:0x21']);
    expect(stand.run(['hsm', 'keygen', '-label=long'])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('a label or id is too long') as string,
    });
  });
});

describe('keys that vanished under a store', () => {
  it('are not to be made anew', () => {
    const stand = standFor([], true);
    for (const label of ['hsm_demo', 'hsm_hmac_demo']) destroyKeys(stand.hsm, label);
    for (const args of [['secrets', 'list'], ['diagnose']]) {
      const { status, stdout, stderr } = stand.run(args);
      expect(status).toBe(3);
      expect(stdout + stderr).toMatch(/a new (key of that name|one) would not open/);
      expect(stdout + stderr).not.toMatch(/keygen|pkcs11-tool|coffer init/);
    }
  });
});
