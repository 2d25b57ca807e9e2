import { afterEach, describe, expect, it } from 'vitest';
import { makeStand, type Outcome, type Stand } from '../support/store.ts';

/** C_GenerateKey of a YubiHSM 2: no secret key that wraps, and an HMAC key of its own type and length alone. */
const AES = ['refuse-attribute:0x1080:0x106:0x13', 'refuse-attribute:0x1080:0x107:0x13'];
const HMAC = ['refuse-type:0x350:0x10:0xd1', 'refuse-attribute:0x350:0x161:0x12', 'own-hmac-length'];
const UNWRAP_ONLY = 'unwrap-only:true';

let stand: Stand;
afterEach(() => stand.remove());

interface Listed {
  readonly label: string;
  readonly id: string;
  readonly class: string;
  readonly type: string | null;
  readonly attributes: Readonly<Record<string, boolean | null>>;
}

/** As another user sees them, for whom no PIN was refused. */
function keys(): Listed[] {
  const { stdout } = stand.run(['hsm', 'keys', '-format=json'], { env: stand.anotherUser });
  return (JSON.parse(stdout) as { keys: Listed[] }).keys;
}

/** `hsm keygen -label=key` on a token with these faults. */
function keygen(faults: readonly string[], ...flags: string[]): Outcome {
  stand = makeStand({ shim: true });
  const env = { COFFER_SHIM_FAULT: faults.join(',') };
  return stand.run(['hsm', 'keygen', '-label=key', '-format=json', ...flags], { env });
}

describe('hsm keygen asks for a key as Vault does, and otherwise', () => {
  it.each([
    ['CKR_ATTRIBUTE_VALUE_INVALID', '0x13'],
    ['CKR_ATTRIBUTE_TYPE_INVALID', '0x12'],
    ['CKR_TEMPLATE_INCONSISTENT', '0xd1'],
  ])('without CKA_WRAP and CKA_UNWRAP after %s', (_, rv) => {
    const faults = AES.map((fault) => fault.replace(/0x13$/, rv));
    expect(keygen(faults, '-type=aes')).toMatchObject({ status: 0, stderr: '' });
    expect(keys()).toMatchObject([{ label: 'key', type: 'AES', attributes: { encrypt: true, decrypt: true } }]);
    expect(stand.shim?.calls().filter((name) => name === 'C_GenerateKey')).toHaveLength(2);
  });

  it('an HMAC key of the type of the mechanism, and of its own length', () => {
    expect(keygen(HMAC, '-type=hmac')).toMatchObject({ status: 0, stderr: '' });
    const attributes = { sign: true, verify: true, wrap: false, unwrap: false };
    expect(keys()).toMatchObject([{ label: 'key', type: 'SHA256_HMAC', attributes }]);
  });

  it('an RSA key where the first way makes one that cannot decrypt, which is removed', () => {
    expect(keygen([UNWRAP_ONLY], '-type=rsa', '-bits=2048')).toMatchObject({ status: 0, stderr: '' });
    expect(keys()).toMatchObject([
      { label: 'key', class: 'private', attributes: { decrypt: true } },
      { label: 'key', class: 'public' },
    ]);
    expect(stand.shim?.calls().filter((name) => name === 'C_GenerateKeyPair')).toHaveLength(2);
  });

  it('an RSA key where the account may make none that unwraps', () => {
    expect(keygen(['refuse-attribute:0x0:0x107:0x200'], '-type=rsa', '-bits=2048')).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(keys()).toMatchObject([
      { label: 'key', class: 'private', attributes: { decrypt: true } },
      { label: 'key', class: 'public' },
    ]);
    expect(stand.shim?.calls().filter((name) => name === 'C_GenerateKeyPair')).toHaveLength(2);
  });

  it('and a token that takes the first way gets what Vault asks for', () => {
    expect(keygen([], '-type=aes')).toMatchObject({ status: 0 });
    expect(keys()).toMatchObject([{ attributes: { encrypt: true, decrypt: true, wrap: true, unwrap: true } }]);
  });

  it.each([
    ['aes', ['without-mechanism:0x1080', 'fail:C_GenerateKey:0x6'], 'CKM_AES_KEY_GEN'],
    ['rsa', ['without-mechanism:0x0', 'fail:C_GenerateKeyPair:0x70'], 'CKM_RSA_PKCS_KEY_PAIR_GEN'],
  ])('and says where the token lists no mechanism for a key: %s', (type, faults, mechanism) => {
    const { status, stderr } = keygen(faults, `-type=${type}`);
    expect(status).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'mechanism_refused' });
    expect(stderr).toContain(`the token does not list ${mechanism}`);
    expect(stderr).not.toContain('run the command again');
  });

  it('init, unseal and seal wrap go with keys made so', () => {
    stand = makeStand({ faults: [...AES, ...HMAC, UNWRAP_ONLY] });
    stand.open();
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'kv/app', 'v=w');
    expect(stand.ok('kv', 'get', '-field=v', 'kv/app')).toBe('w');
  });
});

describe('hsm keygen says what came instead of a key, and leaves nothing', () => {
  it.each([
    ['an RSA key that cannot decrypt', ['unwrap-only:always'], ['-type=rsa', '-bits=2048'], 'RSA key "key"'],
    ['an AES key that does not open what it wraps', ['fail:C_Decrypt:0x5'], ['-type=aes'], 'AES key "key"'],
    ['an HMAC key that does not verify what it signs', ['fail:C_Verify:0xc0'], ['-type=hmac'], 'key "key"'],
  ])('%s', (_, faults, flags, words) => {
    const failed = keygen(faults, ...flags);
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    const { errors, code } = JSON.parse(failed.stderr) as { errors: string[]; code: string };
    expect(code).toBe('hsm_wrong_answer');
    expect(errors.join()).toContain('the HSM made another key');
    expect(errors.join().replaceAll('\\', '')).toContain(words);
    expect(keys()).toEqual([]);
  });

  it.each([
    ['the token fails while the key is tried', 'fail:C_EncryptInit:0x30', 'CKR_DEVICE_ERROR'],
    ['it is not found again', 'fail:C_FindObjects:0x30:4', 'CKR_DEVICE_ERROR'],
  ])('where %s', (_, fault, words) => {
    const failed = keygen([fault], '-type=aes');
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    expect(failed.stderr).toContain(words);
    expect(keys()).toEqual([]);
  });

  it.each([
    ['a key', 'C_GenerateKey', ['-type=aes']],
    ['a pair', 'C_GenerateKeyPair', ['-type=rsa', '-bits=2048']],
  ])('where %s was made by a call that failed', (_, name, flags) => {
    const failed = keygen([`fails-after:${name}:0x200`], ...flags);
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    expect(failed.stderr).toMatch(/CKR_FUNCTION_REJECTED.*capability/);
    expect(keys()).toEqual([]);
  });

  it('but names what may be its own without a sign of it', () => {
    const failed = keygen(['fails-after:C_GenerateKey:0x200', 'loses-id'], '-type=aes');
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    expect(failed.stderr).toMatch(/may be a part of this one \(label \\"key\\" and id \(none\)\)/);
    expect(keys()).toMatchObject([{ label: 'key', id: '' }]);
  });

  it('and asks for no further pair where a rejected call may have left one', () => {
    const failed = keygen(['fails-after:C_GenerateKeyPair:0x200', 'loses-id'], '-type=rsa', '-bits=2048');
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    expect(failed.stderr).toContain('may be a part of this one');
    expect(keys()).toHaveLength(2);
  });

  it('and names what it cannot remove', () => {
    const failed = keygen(['unwrap-only:always', 'fail:C_DestroyObject:0x30'], '-type=rsa', '-bits=2048');
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    expect(failed.stderr).toContain('"code":"key_left"');
    const [left] = keys();
    expect(failed.stderr).toContain(`label \\"key\\" and id ${left?.id ?? 'none'}`);
  });
});

describe('a key that was made', () => {
  // The second login is that of the new start, which shows whether another program made one, too.
  it.each([
    ['CKR_DEVICE_ERROR', '0x30', [], 'secret'],
    ['CKR_PIN_INCORRECT', '0xa0', [], 'secret'],
    ['CKR_DEVICE_ERROR', '0x30', ['-id=1234'], 'secret'],
    ['CKR_DEVICE_ERROR', '0x30', ['-type=rsa', '-bits=2048'], 'private'],
  ])('is named where the next login ends in %s (%s %j), and no other login is made', (name, rv, flags, keyClass) => {
    const failed = keygen([`fail:C_Login:${rv}:+2`], ...flags);
    expect(failed).toMatchObject({ status: 3, stdout: '' });
    expect(failed.stderr).toContain('"code":"key_left"');
    expect(failed.stderr).toContain(name);
    expect(stand.shim?.calls().filter((call) => call === 'C_Login')).toHaveLength(2);
    const left = keys().filter((key) => key.class === keyClass);
    expect(left).toHaveLength(1);
    expect(failed.stderr).toContain(`label \\"key\\" and id ${left[0]?.id ?? 'none'}`);
  });

  it.each([['hsm', 'keygen'], ['init']])(
    'is removed where the last look for both keys fails: %s',
    { timeout: 120_000 },
    (...args) => {
      stand = makeStand({ shim: true });
      stand.ok('hsm', 'keygen');
      const calls = stand.shim?.calls().filter((name) => name === 'C_FindObjectsInit').length ?? 0;
      for (let call = calls - 3; call <= calls; call++) {
        stand.remove();
        stand = makeStand({ shim: true });
        const env = { COFFER_SHIM_FAULT: `fail:C_FindObjectsInit:0x30:+${call}` };
        expect(stand.run(args, { env }), String(call)).toMatchObject({ status: 3, stdout: '' });
        expect(keys(), String(call)).toEqual([]);
      }
    },
  );
});

describe('the id of a key that hsm keygen made', () => {
  it('is the one that the token chose, where an id of zeros lets it', () => {
    const made = keygen(['id-of-zeros:5a3b', 'fail:C_SetAttributeValue:0x10'], '-type=aes', '-id=0000');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(made.stdout)).toEqual({ label: 'key', id: '5a3b' });
    expect(keys()).toMatchObject([{ label: 'key', id: '5a3b' }]);
  });

  it('is zeros on a token that takes them', () => {
    expect(JSON.parse(keygen([], '-type=hmac', '-id=0000').stdout)).toEqual({ label: 'key', id: '0000' });
    expect(keys()).toMatchObject([{ label: 'key', id: '0000' }]);
  });
});
