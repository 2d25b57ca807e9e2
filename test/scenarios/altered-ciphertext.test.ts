import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { readRecord } from '../../src/seal/index.ts';
import { makeStand, readRows, writeRows, type Stand } from '../support/store.ts';

const stands: Stand[] = [];
afterEach(() => {
  for (const stand of stands.splice(0)) stand.remove();
});

/** A store that only its wrapping key authenticates, with three seal-wrapped values. */
function withoutHmac(mechanism: string): Stand {
  const stand = makeStand({ shim: true, seal: `  mechanism = "${mechanism}"` });
  stands.push(stand);
  writeFileSync(stand.config, readFileSync(stand.config, 'utf8').replace(/^.*hmac_key_label.*\n/m, ''));
  stand.open();
  stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
  for (const name of ['a', 'b', 'c']) stand.ok('kv', 'put', `kv/${name}`, 'v=1');
  return stand;
}

/** Flips a bit of the wrap of one value's data key. @returns its stored path */
function alterOne(stand: Stand): void {
  const row = readRows(stand.path).find(({ path }) => path.startsWith('data/'));
  if (row === undefined) throw new Error('there is no value');
  const [wrap] = readRecord(row.value, 'it').wraps;
  const at = Buffer.from(row.value).indexOf(Buffer.from(wrap?.ciphertext ?? []));
  const altered = Buffer.from(row.value);
  altered[at + 3] = (altered[at + 3] ?? 0) ^ 1;
  writeRows(stand.path, { [row.path]: altered });
}

const readAll = (stand: Stand, env: Record<string, string> = {}): (number | null)[] => ['a', 'b', 'c'].map((name) => stand.run(['kv', 'get', `kv/${name}`], { env }).status).sort();

describe.each(['CKM_AES_GCM', 'CKM_RSA_PKCS_OAEP'])('an altered wrap by %s', (mechanism) => {
  it.each(['0x30', '0x5', '0x6', '0x80000001'])('is told from a broken HSM where the module says %s', (value) => {
    const stand = withoutHmac(mechanism);
    alterOne(stand);
    const env = { COFFER_SHIM_FAULT: `refuses-as:${value}` };
    expect(readAll(stand, env)).toEqual([0, 0, 4]);
    stand.ok('hsm', 'keygen', '-label=next', ...(mechanism === 'CKM_AES_GCM' ? [] : ['-type=rsa']));
    const rewrapped = stand.run(['sealwrap', 'rewrap', '-format=json'], { env: { ...env, COFFER_HSM_KEY_LABEL: 'next', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' } });
    expect(rewrapped).toMatchObject({ status: 4 });
    expect(JSON.parse(rewrapped.stdout)).toMatchObject({ rewrapped: 3, failed: 1 });
  });

  it('is no word of an HSM that decrypts nothing', () => {
    const stand = withoutHmac(mechanism);
    for (const value of ['0x30', '0x5']) {
      const outcome = stand.run(['kv', 'get', 'kv/a'], { env: { COFFER_SHIM_FAULT: `fail:C_Decrypt:${value}` } });
      expect(outcome).toMatchObject({ status: 3, stderr: expect.not.stringContaining('tampered') as string });
    }
  });

  it('takes the same calls, whichever part of it was altered', () => {
    const stand = withoutHmac(mechanism);
    const calls = (): string[] => {
      stand.shim?.clear();
      expect(readAll(stand)).toEqual([0, 0, 4]);
      return stand.shim?.calls().filter((call) => !call.startsWith('C_Get')).sort() ?? [];
    };
    const rows = readRows(stand.path).filter(({ path }) => path.startsWith('data/'));
    const [row] = rows;
    if (row === undefined) throw new Error('there is no value');
    alterOne(stand);
    const wrapAltered = calls();
    const bodyAltered = Buffer.from(row.value);
    bodyAltered[bodyAltered.length - 1] = (bodyAltered.at(-1) ?? 0) ^ 1;
    writeRows(stand.path, { [row.path]: bodyAltered });
    expect(calls()).toEqual(wrapAltered);
  });
});

describe('a batch with an altered ciphertext of a key in the HSM', () => {
  it.each(['aes256', 'rsa-2048'])('fails in that item alone, whatever the module says of it: %s', (type) => {
    const stand = makeStand({ shim: true });
    stands.push(stand);
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
    stand.ok('write', 'transit/keys/k', 'type=managed_key', 'managed_key_name=hsm-k', 'generate=true', `key_type=${type}`);
    const encrypted = JSON.parse(stand.ok('write', '-format=json', 'transit/encrypt/k', 'plaintext=aGVsbG8=')) as { data: { ciphertext: string } };
    const { ciphertext } = encrypted.data;
    const bytes = Buffer.from(ciphertext.slice('vault:v1:'.length), 'base64');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    const batch = JSON.stringify([{ ciphertext }, { ciphertext: `vault:v1:${bytes.toString('base64')}` }, { ciphertext }]);
    for (const value of ['0x30', '0x5', '0x40']) {
      const outcome = stand.run(['write', '-format=json', 'transit/decrypt/k', `batch_input=${batch}`], { env: { COFFER_SHIM_FAULT: `refuses-as:${value}` } });
      const results = (JSON.parse(outcome.stdout) as { data: { batch_results: { plaintext?: string; error?: string }[] } }).data.batch_results;
      expect(results.map(({ plaintext, error }) => plaintext ?? typeof error)).toEqual(['aGVsbG8=', 'string', 'aGVsbG8=']);
    }
    expect(stand.run(['write', 'transit/decrypt/k', `ciphertext=vault:v1:${bytes.toString('base64')}`], { env: { COFFER_SHIM_FAULT: 'refuses-as:0x30' } }).status).toBe(1);
    expect(stand.run(['write', 'transit/decrypt/k', `batch_input=${batch}`], { env: { COFFER_SHIM_FAULT: `fail:C_Decrypt:0x30` } }).status).toBe(3);
  });
});
