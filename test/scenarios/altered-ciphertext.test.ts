import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { readRecord } from '../../src/seal/index.ts';
import { generateRsaPair, importKey } from '../support/softhsm.ts';
import { makeStand, readRows, writeRows, type Outcome, type Stand } from '../support/store.ts';

const stands: Stand[] = [];
afterEach(() => {
  for (const stand of stands.splice(0)) stand.remove();
});

/** What modules say of ciphertext that was altered: CKR_DEVICE_ERROR, _GENERAL_ERROR, _FUNCTION_FAILED, _ARGUMENTS_BAD, a vendor's own. */
const ANSWERS = ['0x30', '0x5', '0x6', '0x7', '0x80000042'];

/** A store without an HMAC, where nothing but the decryption can notice, with a seal-wrapped mount kv and three values. */
function standWithoutHmac(more = 'generate_key = true'): Stand {
  const stand = makeStand({ shim: true });
  stands.push(stand);
  writeConfiguration(stand, `key_label = "hsm_demo"\n  ${more}`);
  return stand;
}

function writeConfiguration(stand: Stand, keys: string): void {
  stand.write(
    'coffer.hcl',
    `storage "sqlite" {\n  path = "${stand.path}"\n}\nseal "pkcs11" {\n  lib = "${stand.lib}"\n  token_label = "demo"\n  pin = "1234"\n  ${keys}\n}\n`,
  );
}

function fill(stand: Stand): void {
  stand.ok('init', '-recovery-shares=0', '-recovery-threshold=0');
  stand.ok('unseal');
  stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
  for (const name of ['a', 'b', 'c']) stand.ok('kv', 'put', `kv/${name}`, `v=of ${name}`);
}

/** Flips a bit of the one row that `write` changes, in what the HSM encrypted. @returns its path */
function flipped(stand: Stand, name: string): void {
  const before = new Map(readRows(stand.path).map(({ path, value }) => [path, Buffer.from(value).toString('hex')]));
  stand.ok('kv', 'put', `kv/${name}`, 'v=altered');
  const row = readRows(stand.path).find(
    ({ path, value }) => path.startsWith('data/') && before.get(path) !== Buffer.from(value).toString('hex'),
  );
  if (row === undefined) throw new Error('no row was written');
  const value = Buffer.from(row.value);
  const [wrap] = readRecord(value, name).wraps;
  const at = value.indexOf(wrap?.ciphertext ?? '');
  value[at] = (value[at] ?? 0) ^ 1;
  writeRows(stand.path, { [row.path]: value });
}

function saying(stand: Stand, answer: string, ...args: string[]): Outcome {
  return stand.run(args, { env: { COFFER_SHIM_FAULT: `altered-says:${answer}` } });
}

describe('altered ciphertext, without an HMAC', () => {
  it('is tampering whatever the module calls it, and leaves the other values alone', () => {
    const stand = standWithoutHmac();
    fill(stand);
    flipped(stand, 'b');
    for (const answer of ANSWERS) {
      const outcome = saying(stand, answer, 'kv', 'get', 'kv/b');
      expect(outcome, answer + outcome.stderr).toMatchObject({ status: 4, stdout: '' });
      expect(outcome.stderr).toContain('kv/b was tampered with');
      expect(outcome.stderr).not.toMatch(/CKR_|vendor error/);
      expect(saying(stand, answer, 'kv', 'get', '-field=v', 'kv/a')).toMatchObject({ status: 0, stdout: 'of a' });
    }
  });

  it("is tampering in the store's own record, too", () => {
    const stand = standWithoutHmac();
    fill(stand);
    const row = readRows(stand.path).find(({ path }) => path === 'core/record');
    const value = Buffer.from(row?.value ?? '');
    const at = value.indexOf(readRecord(value, 'it').wraps[0]?.ciphertext ?? '');
    value[at] = (value[at] ?? 0) ^ 1;
    writeRows(stand.path, { 'core/record': value });
    for (const answer of ANSWERS) expect(saying(stand, answer, 'unseal'), answer).toMatchObject({ status: 4 });
  });

  it('costs an RSA key no more than a look at its public half', () => {
    const stand = standWithoutHmac('mechanism = "CKM_RSA_PKCS_OAEP"');
    generateRsaPair(stand.hsm, { label: 'hsm_demo', id: '0a' });
    fill(stand);
    flipped(stand, 'b');
    for (const answer of ANSWERS)
      expect(saying(stand, answer, 'kv', 'get', 'kv/b'), answer).toMatchObject({ status: 4, stdout: '' });
    stand.shim?.clear();
    saying(stand, '0x30', 'kv', 'get', 'kv/b');
    expect(stand.shim?.calls()).not.toContain('C_Encrypt');
  });

  it('is told from an HSM that has a problem', () => {
    const stand = standWithoutHmac();
    fill(stand);
    for (const fault of [
      'fail:C_Decrypt:0x30',
      'fail:C_Decrypt:0x5',
      'fail:C_Decrypt:0x40',
      'fail:C_Decrypt:0x80000042',
      'fail:C_Decrypt:0x30:2',
      'fail:C_Decrypt:0x5:2',
      'no-decrypt:0x1087',
    ]) {
      const outcome = stand.run(['kv', 'get', 'kv/a'], { env: { COFFER_SHIM_FAULT: fault } });
      expect(outcome, fault + outcome.stderr).toMatchObject({ status: 3, stdout: '' });
      expect(outcome.stderr).not.toMatch(/tampered|altered/);
    }
  });

  it('is told by what the key opened before, where the key may not encrypt', () => {
    const stand = standWithoutHmac();
    const value = randomBytes(32);
    importKey(stand.hsm, { label: 'hsm_demo', id: '01', type: 'aes', value });
    fill(stand);
    flipped(stand, 'b');
    writeConfiguration(stand, 'key_label = "next"\n  previous_key_label = "hsm_old"\n  default_key_label = "hsm_old"');
    importKey(stand.hsm, { label: 'hsm_old', id: '02', type: 'aes', value, without: ['encrypt'] });
    for (const answer of ANSWERS) {
      expect(saying(stand, answer, 'kv', 'get', 'kv/b'), answer).toMatchObject({ status: 4, stdout: '' });
      expect(saying(stand, answer, 'kv', 'get', '-field=v', 'kv/a')).toMatchObject({ status: 0, stdout: 'of a' });
    }
    expect(stand.run(['kv', 'get', 'kv/a'], { env: { COFFER_SHIM_FAULT: 'fail:C_Decrypt:0x30' } })).toMatchObject({
      status: 3,
    });
  });

  it('is not in the way of sealwrap rewrap', () => {
    const stand = standWithoutHmac();
    fill(stand);
    flipped(stand, 'b');
    importKey(stand.hsm, { label: 'next', id: '02', type: 'aes', value: randomBytes(32) });
    writeConfiguration(stand, 'key_label = "next"\n  previous_key_label = "hsm_demo"');
    const outcome = saying(stand, '0x30', 'sealwrap', 'rewrap', '-format=json');
    expect(outcome, outcome.stderr).toMatchObject({ status: 4 });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ failed: 1, failures: [{ name: 'kv/b' }], rewrapped: 3 });
    for (const name of ['a', 'c']) expect(stand.ok('kv', 'get', '-field=v', `kv/${name}`)).toBe(`of ${name}`);
  });

  it('makes the HSM do the same work, whether its padding or what was in it was wrong', () => {
    const stand = standWithoutHmac();
    fill(stand);
    flipped(stand, 'b');
    const calls = (): string[] => {
      stand.shim?.clear();
      expect(saying(stand, '0x30', 'kv', 'get', 'kv/b')).toMatchObject({ status: 4 });
      return stand.shim?.calls() ?? [];
    };
    const ofPadding = calls();
    // The wrap of another value opens, but its key does not open this body.
    const rows = readRows(stand.path).filter(({ path }) => path.startsWith('data/'));
    const [row] = rows.filter(({ value }) => readRecord(value, 'it').wraps.length > 0).slice(-1);
    const other = rows.find(({ path }) => path !== row?.path);
    if (row === undefined || other === undefined) throw new Error('too few rows');
    const foreign = readRecord(other.value, 'it').wraps[0];
    for (const { path, value } of rows) {
      const own = readRecord(value, 'it').wraps[0];
      if (path === other.path || own === undefined || foreign === undefined) continue;
      const bytes = Buffer.from(value);
      Buffer.from(foreign.parameters).copy(bytes, bytes.indexOf(own.parameters));
      Buffer.from(foreign.ciphertext).copy(bytes, bytes.indexOf(own.ciphertext));
      writeRows(stand.path, { [path]: bytes });
    }
    const outcomes = ['a', 'b', 'c'].map((name) => {
      stand.shim?.clear();
      return { ...saying(stand, '0x30', 'kv', 'get', `kv/${name}`), calls: stand.shim?.calls() };
    });
    const wrong = outcomes.filter(({ status }) => status === 4);
    expect(wrong.length).toBeGreaterThan(0);
    for (const outcome of wrong) expect(outcome.calls).toEqual(ofPadding);
  });
});

describe('altered ciphertext of a managed key of transit', () => {
  it.each([
    ['AES-GCM', 'aes256'],
    ['RSAES-OAEP', 'rsa-2048'],
  ])('%s: is the fault of its item, whatever the module calls it', (_name, type) => {
    const stand = makeStand({ shim: true });
    stands.push(stand);
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
    stand.ok(
      'write',
      'transit/keys/k',
      'type=managed_key',
      'managed_key_name=own',
      'generate=true',
      `key_type=${type}`,
    );
    const good = stand.ok('write', '-field=ciphertext', 'transit/encrypt/k', 'plaintext=aGVsbG8=').trim();
    const prefix = 'vault:v1:';
    const bytes = Buffer.from(good.slice(prefix.length), 'base64');
    const at = bytes.length - 1;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const bad = prefix + bytes.toString('base64');
    for (const answer of ANSWERS) {
      const env = { COFFER_SHIM_FAULT: `altered-says:${answer}` };
      expect(stand.run(['write', 'transit/decrypt/k', `ciphertext=${bad}`], { env }), answer).toMatchObject({
        status: 1,
        stdout: '',
      });
      const batch = stand.run(['write', '-format=json', 'transit/decrypt/k', '-'], {
        env,
        input: JSON.stringify({ batch_input: [{ ciphertext: good }, { ciphertext: bad }, { ciphertext: good }] }),
      });
      expect(batch, answer + batch.stderr).toMatchObject({ status: 2 });
      const { data } = JSON.parse(batch.stdout) as {
        data: { batch_results: { plaintext?: string; error?: string }[] };
      };
      expect(data.batch_results.map(({ plaintext, error }) => plaintext ?? typeof error)).toEqual([
        'aGVsbG8=',
        'string',
        'aGVsbG8=',
      ]);
    }
    for (const [fault, ciphertext] of [
      ['fail:C_Decrypt:0x30', good],
      ['fail:C_Decrypt:0x5', bad],
      ['fail:C_Decrypt:0x30:2', good],
    ] as const) {
      const outcome = stand.run(['write', 'transit/decrypt/k', `ciphertext=${ciphertext}`], {
        env: { COFFER_SHIM_FAULT: fault },
      });
      expect(outcome, fault + outcome.stderr).toMatchObject({ status: 3, stdout: '' });
    }
  });
});
