import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readPin } from '../../../src/config/index.ts';
import { ConfigError } from '../../../src/errors.ts';
import { makeHome, sealWith } from './home.ts';

function failure(action: () => unknown): ConfigError {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('expected a ConfigError');
}

describe('readPin', () => {
  it('gives a literal as it is', () => {
    expect(readPin({ kind: 'literal', value: ' env:x', origin: 'it', file: null }, {})).toBe(' env:x');
  });

  it('gives the value of a variable', () => {
    expect(readPin({ kind: 'env', name: 'MY_PIN' }, { MY_PIN: '0042' })).toBe('0042');
  });

  it.each([{}, { MY_PIN: '' }])('names a variable that is not set or empty', (env) => {
    const error = failure(() => readPin({ kind: 'env', name: 'MY_PIN' }, env));
    expect(error.code).toBe('pin_not_set');
    expect(error.message).toBe('environment variable MY_PIN, which pin names, is not set or empty');
  });

  /** One text, as each kind of source holds it. */
  function fromEverySource(text: string | Uint8Array): (() => string)[] {
    const home = makeHome();
    const path = home.write('pin', text);
    const files = [
      () => readPin({ kind: 'file', path }, {}),
      () => readPin({ kind: 'credential', name: 'pin' }, { CREDENTIALS_DIRECTORY: home.path }),
    ];
    if (typeof text !== 'string') return files;
    return [
      ...files,
      () => readPin({ kind: 'env', name: 'MY_PIN' }, { MY_PIN: text }),
      () => readPin({ kind: 'literal', value: text, origin: 'environment variable COFFER_HSM_PIN', file: null }, {}),
    ];
  }

  it.each([
    ['0042', '0042'],
    ['0042\n', '0042'],
    ['0042\r\n', '0042'],
    ['pässwörd', 'pässwörd'],
  ])('takes one line end for no part of the PIN, wherever it comes from: %j', (content, pin) => {
    expect(fromEverySource(content).map((read) => read())).toEqual([pin, pin, pin, pin]);
  });

  it.each([
    ['0042\n\n', 'a line break'],
    ['0042\r', 'a line break'],
    ['\n0042', 'a line break'],
    ['0042\u2028', 'a line break'],
    ['0042\n0043\n', 'a line break'],
    ['\uFEFF0042\n', 'a byte order mark'],
    ['0042\t', 'a tab'],
    ['\x1b0042', 'a control character'],
    ['0042\uFFFD', 'bytes that are not UTF-8'],
    ['\0'.repeat(100), 'a NUL'],
    [new Uint8Array([0x30, 0xff]), 'bytes that are not UTF-8'],
    [new Uint8Array([0xff, 0xfe, 0x30, 0x00]), 'a NUL'],
  ])('takes nothing that cannot be a PIN, wherever it comes from: %j', (content, what) => {
    for (const read of fromEverySource(content)) {
      const error = failure(read);
      expect(error).toMatchObject({ code: 'pin_malformed', exitStatus: 1 });
      expect(error.message).toContain(`holds ${what}, which no PIN has; the token was not asked`);
      expect(error.message).not.toContain('0042');
    }
  });

  it('says which source it was', () => {
    const messages = fromEverySource('0042\t').map((read) => failure(read).message.replace(/ holds .*/, ''));
    expect(messages.slice(2)).toEqual([
      'environment variable MY_PIN, which pin names,',
      'environment variable COFFER_HSM_PIN',
    ]);
    for (const message of messages.slice(0, 2)) expect(message).toMatch(/\/pin: this PIN file$/);
  });

  it.each([' 0042', '0042 ', '0042\u00a0'])(
    'takes no blanks around a PIN but from COFFER_HSM_PIN, since Vault cuts them off: %j',
    (content) => {
      const [file, credential, env, verbatim] = fromEverySource(content);
      for (const read of [file, credential, env]) {
        const error = failure(read ?? (() => ''));
        expect(error).toMatchObject({ code: 'pin_malformed', exitStatus: 1 });
        expect(error.message).toContain(
          'begins or ends with a blank, which Vault would leave out; the token was not asked',
        );
        expect(error.message).not.toContain('0042');
      }
      expect(verbatim?.()).toBe(content);
    },
  );

  it.each(['\n', '\r\n'])('takes a line end alone for no PIN: %j', (content) => {
    for (const read of fromEverySource(content)) expect(failure(read)).toMatchObject({ code: 'pin_not_set' });
  });

  it('gives the content of a systemd credential', () => {
    const home = makeHome();
    home.write('credentials/hsm.pin', '0042\n');
    const env = { CREDENTIALS_DIRECTORY: `${home.path}/credentials` };
    expect(readPin({ kind: 'credential', name: 'hsm.pin' }, env)).toBe('0042');
    const missing = failure(() => readPin({ kind: 'credential', name: 'other' }, env));
    expect(missing.code).toBe('pin_unreadable');
    expect(missing.message).toBe(
      `${home.path}/credentials/other: cannot read this PIN file: no such file or directory`,
    );
  });

  it.each([{}, { CREDENTIALS_DIRECTORY: '' }])(
    'says that there are no credentials outside of a systemd unit',
    (env) => {
      const error = failure(() => readPin({ kind: 'credential', name: 'hsm' }, env));
      expect(error.code).toBe('pin_not_set');
      expect(error.message).toBe('no systemd credential hsm, which pin names: CREDENTIALS_DIRECTORY is not set');
      expect(error.hint).toContain('LoadCredential=hsm:');
    },
  );

  it('names a file that is missing, unreadable or empty', () => {
    const home = makeHome();
    const missing = failure(() => readPin({ kind: 'file', path: `${home.path}/gone` }, {}));
    expect([missing.code, missing.message]).toEqual([
      'pin_unreadable',
      `${home.path}/gone: cannot read this PIN file: no such file or directory`,
    ]);
    expect(failure(() => readPin({ kind: 'file', path: home.path }, {}))).toMatchObject({ code: 'pin_unreadable' });
    const empty = home.write('empty', '\n');
    expect(failure(() => readPin({ kind: 'file', path: empty }, {}))).toMatchObject({ code: 'pin_not_set' });
  });
});

describe('pin in the configuration', () => {
  it.each([
    ['env:MY_PIN', { kind: 'env', name: 'MY_PIN' }],
    ['env://MY_PIN', { kind: 'env', name: 'MY_PIN' }],
    ['file:/run/pin', { kind: 'file', path: '/run/pin' }],
    ['file:///run/pin', { kind: 'file', path: '/run/pin' }],
    ['credential:hsm.pin', { kind: 'credential', name: 'hsm.pin' }],
    ['credential://hsm', { kind: 'credential', name: 'hsm' }],
    ['0042', { kind: 'literal', value: '0042' }],
    ['credentials', { kind: 'literal', value: 'credentials' }],
    ['environment', { kind: 'literal', value: 'environment' }],
    ['string://env:x', { kind: 'literal', value: 'env:x' }],
    ['string://', { kind: 'literal', value: '' }],
  ])('%s', async (pin, source) => {
    const home = makeHome();
    const config = await home.load(home.write('c.hcl', sealWith(`pin = "${pin}"`)));
    expect(config.seal.pin).toMatchObject(source);
    expect(config.notes).toEqual([]);
  });

  it.each([
    ['pin = "env:"', 'config_value'],
    ['pin = "env:MY-PIN"', 'config_value'],
    ['pin = "file:pin"', 'config_value'],
    ['pin = "file://pin"', 'config_value'],
    ['pin = "credential:"', 'config_value'],
    ['pin = "credential:a/b"', 'config_value'],
    ['pin = "credential:.."', 'config_value'],
    ['pin = "credential:a b"', 'config_value'],
    ['pin = ""', 'config_value'],
    ['pin = 1234', 'config_type'],
    ['pin = true', 'config_type'],
    ['pin = null', 'config_type'],
  ])('is refused: %s', async (line, code) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', sealWith(line)));
    expect(error.code).toBe(code);
    expect(error.message).toContain('c.hcl:6:3: seal "pkcs11": pin');
    expect(error.message).not.toMatch(/1234|MY-PIN/);
  });

  it('is the PIN itself in COFFER_HSM_PIN, whatever it looks like', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', sealWith('pin = "env:OTHER"'));
    const config = await home.load(file, { COFFER_HSM_PIN: 'env:NOT_A_NAME' });
    expect(config.seal.pin).toMatchObject({ kind: 'literal', value: 'env:NOT_A_NAME' });
    expect(config.pinVariables).toEqual(['OTHER']);
  });

  it('is noted when others can read it', async () => {
    const home = makeHome();
    const literal = home.write('c.hcl', sealWith('pin = "hunter2"'), 0o644);
    const note = `${literal}: holds a PIN, and other users can read it; run: chmod go= ${literal}`;
    expect((await home.load(literal)).notes).toEqual([note]);
    expect((await home.load(literal, { COFFER_HSM_PIN: 'x' })).notes).toEqual([note]);
    fs.chmodSync(literal, 0o600);
    expect((await home.load(literal)).notes).toEqual([]);

    const pin = home.write('pin', 'hunter2', 0o640);
    const file = home.write('d.hcl', sealWith(`pin = "file:${pin}"`), 0o644);
    expect((await home.load(file)).notes).toEqual([
      `${pin}: other users can read this PIN file; run: chmod go= ${pin}`,
    ]);
    fs.rmSync(pin);
    expect((await home.load(file)).notes).toEqual([]);
  });
});
