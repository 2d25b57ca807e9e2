import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStand, type Stand } from '../support/store.ts';

/** CKA_KEY_TYPE of CKK_GENERIC_SECRET, and of CKK_AES. */
const HMAC_TYPE = 'untold:0x100:0x10';
const AES_TYPE = 'untold:0x100:0x1f';

interface Listed {
  readonly label: string;
  readonly type: string | null;
}

describe.each([
  ['CKR_FUNCTION_FAILED', '0x6'],
  ['CKR_ATTRIBUTE_SENSITIVE', '0x11'],
  ['CKR_ATTRIBUTE_TYPE_INVALID', '0x12'],
  ['CK_UNAVAILABLE_INFORMATION', '0x0'],
])('a token that answers %s when it is asked for the type of a key', (_, rv) => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ faults: [`${HMAC_TYPE}:${rv}`, `${AES_TYPE}:${rv}`] });
    stand.open();
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'kv/app', 'v=w');
  });
  afterAll(() => stand.remove());

  it('has it shown as unknown by hsm keys', () => {
    const text = stand.ok('hsm', 'keys');
    expect(text).toMatch(/^hsm_demo .* secret +unknown +256 /m);
    expect(text).toMatch(/^hsm_hmac_demo .* secret +unknown +256 /m);
    const { keys } = JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as { keys: Listed[] };
    expect(keys).toMatchObject([
      { label: 'hsm_demo', type: null },
      { label: 'hsm_hmac_demo', type: null },
    ]);
  });

  it('has its keys tried by hsm test', () => {
    const text = stand.ok('hsm', 'test');
    expect(text).toMatch(/^CKM_AES_CBC_PAD +wrapping +hsm_demo +ok /m);
    expect(text).toMatch(/^CKM_SHA256_HMAC +HMAC +hsm_hmac_demo +ok /m);
  });

  it.each([
    ['seal'],
    ['unseal'],
    ['sealwrap', 'rewrap'],
    ['rotate'],
    ['operator', 'diagnose', '-deep'],
    ['hsm', 'keygen'],
    ['hsm', 'keygen', '-type=hmac', '-label=another'],
  ])('stops no %s %s %s', (...args) => {
    expect(stand.run(args)).toMatchObject({ status: 0 });
  });

  it('gives the secret back', () => {
    expect(stand.ok('kv', 'get', '-field=v', 'kv/app')).toBe('w');
  });
});

describe.each([
  ['CKA_LABEL', '0x3'],
  ['CKA_ID', '0x102'],
  ['CKA_CLASS', '0x0'],
])('a token that does not tell %s', (_, attribute) => {
  it.each([
    ['CKR_FUNCTION_FAILED', '0x6'],
    ['CKR_GENERAL_ERROR', '0x5'],
    ['CK_UNAVAILABLE_INFORMATION', '0x0'],
  ])('and answers %s gets keys and a store, which opens what it wrote', (__, rv) => {
    const stand = makeStand({ faults: ['0x10', '0x1f'].map((type) => `untold:${attribute}:${type}:${rv}`) });
    try {
      expect(stand.run(['hsm', 'keygen'])).toMatchObject({ status: 0, stderr: '' });
      stand.open();
      stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
      stand.ok('kv', 'put', 'kv/app', 'v=w');
      expect(stand.ok('kv', 'get', '-field=v', 'kv/app')).toBe('w');
      expect(stand.run(['sealwrap', 'rewrap'])).toMatchObject({ status: 0 });
      expect(stand.run(['hsm', 'test'])).toMatchObject({ status: 0 });
      expect(stand.run(['hsm', 'keys'])).toMatchObject({ status: 0 });
      expect(stand.run(['kv', 'get', '-field=v', 'kv/app'], { env: { COFFER_SHIM_FAULT: '' } }).stdout).toBe('w');
    } finally {
      stand.remove();
    }
  });
});

describe('a token that does not tell whether a key can be read, or leave it', () => {
  it.each(['0x103', '0x162'])('has that shown as unknown: %s', (attribute) => {
    const stand = makeStand({ shim: true });
    try {
      stand.ok('hsm', 'keygen');
      const { stdout } = stand.run(['hsm', 'keys'], { env: { COFFER_SHIM_FAULT: `untold:${attribute}:0x1f:0x6` } });
      expect(stdout).toMatch(/^hsm_demo .* unwrap +unknown/m);
      expect(stdout).toMatch(/^hsm_hmac_demo .* verify +sensitive/m);
    } finally {
      stand.remove();
    }
  });
});

describe('a token that fails at one attribute of one key', () => {
  it.each(['0x5', '0x54'])('has every key shown, and that one as unknown: %s', (rv) => {
    const stand = makeStand({ shim: true });
    try {
      stand.ok('hsm', 'keygen');
      // CKA_VALUE_LEN of the AES key.
      const env = { COFFER_SHIM_FAULT: `untold:0x161:0x1f:${rv}` };
      const { status, stdout } = stand.run(['hsm', 'keys'], { env });
      expect(status).toBe(0);
      expect(stdout).toMatch(/^hsm_demo .* secret +AES +- /m);
      expect(stdout).toMatch(/^hsm_hmac_demo .* secret +GENERIC_SECRET +256 /m);
    } finally {
      stand.remove();
    }
  });
});

describe('a module that gives an attribute a length that none has', () => {
  it.each([
    ['CKA_VALUE_LEN', '0x161', ['hsm', 'keys']],
    ['CKA_SENSITIVE', '0x103', ['hsm', 'keys']],
    ['CKA_KEY_TYPE', '0x100', ['kv', 'put', 'kv/app', 'v=x']],
    ['CKA_CLASS', '0x0', ['kv', 'put', 'kv/app', 'v=x']],
    ['CKA_EXTRACTABLE', '0x162', ['operator', 'diagnose']],
  ])('stops nothing by %s', (_, attribute, args) => {
    const stand = makeStand({ shim: true });
    try {
      stand.open();
      stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
      for (const length of ['0x10000000000', '1']) {
        const env = { COFFER_SHIM_FAULT: `attribute-length:${attribute}:${length}` };
        expect(stand.run(args, { env }), length).toMatchObject({ status: 0, signal: null });
      }
    } finally {
      stand.remove();
    }
  });

  it('is to blame where the value itself is needed', () => {
    const stand = makeStand({ shim: true, seal: 'anchor = "write"' });
    try {
      stand.open();
      const env = { COFFER_SHIM_FAULT: 'attribute-length:0x11:0x10000000000' };
      const failed = stand.run(['secrets', 'list', '-format=json'], { env });
      expect(failed).toMatchObject({ status: 3, stdout: '' });
      expect(failed.stderr).toContain('"code":"hsm_wrong_answer"');
    } finally {
      stand.remove();
    }
  });
});

describe('a token that fails at every attribute', () => {
  it('is no token of unknown keys', () => {
    const stand = makeStand({ shim: true });
    try {
      stand.ok('hsm', 'keygen');
      const failed = stand.run(['hsm', 'keys'], { env: { COFFER_SHIM_FAULT: 'fail:C_GetAttributeValue:0x6' } });
      expect(failed).toMatchObject({ status: 3, stdout: '' });
      expect(failed.stderr).toContain('CKR_FUNCTION_FAILED');
    } finally {
      stand.remove();
    }
  });
});
