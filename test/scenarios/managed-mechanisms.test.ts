import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importKey } from '../support/softhsm.ts';
import { makeStand, type Outcome, type Stand } from '../support/store.ts';

const NO_GCM = 'without-mechanism:0x1087';
const NO_ECDSA = 'without-mechanism:0x1041';
/** The first C_Decrypt opens the store. */
const NO_OAEP = [2, 3, 4, 5].map((call) => `fail:C_Decrypt:0x200:${call}`).join(',');
const NO_RSA = 'without-mechanism:0x9,without-mechanism:0x1,without-mechanism:0xd';

describe('a managed key of a type whose mechanism the token lacks', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
    importKey(stand.hsm, { label: 'given', id: '0a', type: 'aes', value: randomBytes(32) });
    for (const [name, type] of [
      ['rsa', 'rsa-2048'],
      ['ec', 'ecdsa-p256'],
    ])
      stand.ok('write', `transit/keys/${name}`, ...managed(`hsm-${name}`, 'generate=true', `key_type=${type}`));
  });
  afterAll(() => stand.remove());

  function managed(label: string, ...more: string[]): string[] {
    return ['type=managed_key', `managed_key_name=${label}`, ...more];
  }

  function write(faults: string, label: string, ...more: string[]): Outcome {
    stand.shim?.clear();
    const env = { COFFER_SHIM_FAULT: faults };
    return stand.run(['write', '-format=json', 'transit/keys/new', ...managed(label, ...more)], { env });
  }

  const labels = (): string[] =>
    (JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as { keys: { label: string }[] }).keys.map(
      ({ label }) => label,
    );

  function expectRefused(outcome: Outcome, code = 'mechanism_refused'): void {
    expect(outcome, outcome.stderr).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toContain(`"code":"${code}"`);
    expect(labels()).not.toContain('none');
    expect(stand.run(['read', 'transit/keys/new'])).toMatchObject({ status: 2 });
  }

  it.each([
    ['aes256', NO_GCM, 'CKM_AES_GCM'],
    ['aes256', 'without-mechanism:0x1080', 'CKM_AES_KEY_GEN'],
    ['rsa-2048', NO_RSA, 'CKM_RSA_PKCS_OAEP'],
    ['ecdsa-p256', NO_ECDSA, 'CKM_ECDSA'],
  ])('is not made: %s with %s', (type, faults, name) => {
    const outcome = write(faults, 'none', 'generate=true', `key_type=${type}`);
    expectRefused(outcome);
    expect(outcome.stderr).toContain(name);
    expect(stand.shim?.calls().filter((call) => call.startsWith('C_GenerateKey'))).toEqual([]);
  });

  it('is made and removed again on a token that lists no mechanisms', () => {
    expectRefused(write(`no-mechanisms,${NO_GCM}`, 'none', 'generate=true', 'key_type=aes256'), 'hsm_wrong_answer');
    expect(stand.shim?.calls()).toContain('C_DestroyObject');
  });

  it.each([
    ['given', NO_GCM],
    ['hsm-rsa', NO_RSA],
    ['hsm-ec', NO_ECDSA],
  ])('is not registered: %s', (label, faults) => {
    expectRefused(write(faults, label));
  });

  it.each([
    ['hsm-rsa', `fail:C_Sign:0x200,${NO_OAEP}`],
    ['hsm-ec', 'fail:C_Sign:0x200'],
    ['hsm-ec', 'fail:C_SignInit:0x68'],
  ])('is not registered where the key may do nothing at all: %s', (label, faults) => {
    expectRefused(write(faults, label), 'key_use');
  });

  it('is registered where the key may do some of it', () => {
    const env = { COFFER_SHIM_FAULT: NO_OAEP };
    const made = stand.run(['write', 'transit/keys/signs', ...managed('hsm-rsa')], { env });
    expect(made).toMatchObject({ status: 0, stderr: '' });
    stand.ok('write', 'transit/sign/signs', 'input=YQ==');
  });

  it('is made where the token has one of them, though its list is empty', () => {
    expect(write('no-mechanisms', 'listless', 'generate=true', 'key_type=ecdsa-p256')).toMatchObject({ status: 0 });
  });
});

describe('a managed key that was made for a command that fails', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
  });
  afterAll(() => stand.remove());

  const args = (name: string, type: string): string[] =>
    `write -format=json transit/keys/${name} type=managed_key managed_key_name=${name} generate=true key_type=${type}`.split(
      ' ',
    );
  const run = (faults: string, name: string, type: string): Outcome =>
    stand.run(args(name, type), { env: { COFFER_SHIM_FAULT: faults } });
  const left = (name: string): number => stand.ok('hsm', 'keys').match(new RegExp(`^${name} `, 'gm'))?.length ?? 0;

  function expectNothing(name: string): void {
    expect(left(name)).toBe(0);
    expect(stand.run(['read', `transit/keys/${name}`]).status).toBe(2);
  }

  it('is removed where the HSM fails at the last that is asked of it', () => {
    stand.shim?.clear();
    stand.ok(...args('whole', 'rsa-2048'));
    const decryptions = stand.shim?.calls().filter((name) => name === 'C_Decrypt').length ?? 0;
    expect(decryptions).toBeGreaterThan(2);
    for (let call = 2; call <= decryptions; call++) {
      expect(run(`fail:C_Decrypt:0x30:${call}`, 'failed', 'rsa-2048')).toMatchObject({ status: 3, stdout: '' });
      expectNothing('failed');
    }
  });

  it('is removed where the store cannot be written', async () => {
    const go = join(stand.dir, 'go');
    const env = { COFFER_SHIM_FAULT: `hold:C_CloseSession:1:${go}`, COFFER_SHIM_LOG: '/dev/null' };
    const running = stand.start(args('unwritten', 'aes256'), { env });
    while (!existsSync(`${go}.held`)) await setTimeout(20);
    // A limit on the size of files is the nearest to a full disk that needs no file system of its own.
    execFileSync('prlimit', [`--pid=${running.pid}`, '--fsize=4096']);
    stand.write('go', '');
    const failed = await running.outcome;
    expect(failed, failed.stderr).toMatchObject({ status: 2, stdout: '' });
    expect(failed.stderr).toContain('is the disk full?');
    expectNothing('unwritten');
  });

  it('is named where it cannot be removed', () => {
    const failed = run('fail:C_Decrypt:0x30:3,fail:C_DestroyObject:0x30', 'stuck', 'rsa-2048');
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    expect(failed.stderr).toContain('"code":"key_left"');
    expect(failed.stderr).toContain('label \\"stuck\\" and id ');
    expect(left('stuck')).toBe(2);
  });

  it('may be in the HSM where the module ends the process, which is said', () => {
    const failed = run('misbehave:C_EncryptInit:exit-0', 'ended', 'aes256');
    expect(failed.status).toBe(3);
    expect(failed.stderr).toContain('a key that it made may be in the HSM');
  });

  it('and that serves nobody is not to be named in the seal stanza', () => {
    const failed = run('fail:C_SignInit:0x70', 'useless', 'ecdsa-p256');
    expect(failed.status).toBe(3);
    expect(failed.stderr).toContain('it was removed again');
    expect(failed.stderr).not.toContain('seal stanza');
    expectNothing('useless');
  });
});

describe('a managed RSA key on a token that makes one for unwrapping where CKA_UNWRAP is mentioned', () => {
  it('decrypts and signs', () => {
    const stand = makeStand({ shim: true });
    try {
      stand.open();
      stand.ok('secrets', 'enable', 'transit');
      const args =
        'write -format=json transit/keys/new type=managed_key managed_key_name=pair generate=true key_type=rsa-2048';
      const env = { COFFER_SHIM_FAULT: 'unwrap-only:mentioned' };
      const made = stand.run(args.split(' '), { env });
      expect(made, made.stderr).toMatchObject({ status: 0 });
      expect(JSON.parse(made.stdout)).toMatchObject({ data: { supports_decryption: true } });
      expect(stand.ok('write', '-field=signature', 'transit/sign/new', 'input=aGk=')).toMatch(/^vault:v1:/);
    } finally {
      stand.remove();
    }
  });
});
