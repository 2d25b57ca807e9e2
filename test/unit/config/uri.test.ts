import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import type { Config } from '../../../src/config/index.ts';
import { makeHome, type Home } from './home.ts';

const full =
  'pkcs11:token=demo;manufacturer=SoftHSM%20project;serial=00a1;model=SoftHSM%20v2;slot-id=3;object=hsm_demo;id=%01%ff;' +
  'type=secret-key?module-path=/usr/lib/p11.so&pin-source=file:/run/pin';

async function load(home: Home, lines: readonly string[], env: Record<string, string> = {}): Promise<Config> {
  return home.load(home.write('c.hcl', `seal "pkcs11" {\n${lines.join('\n')}\n}\n`), env);
}

describe('uri in the seal stanza', () => {
  it('can say everything that is needed', async () => {
    const { seal, notes } = await load(makeHome(), [`uri = "${full}"`]);
    expect(seal).toMatchObject({
      lib: '/usr/lib/p11.so',
      token: { slot: 3n, label: 'demo', serial: '00a1', manufacturer: 'SoftHSM project', model: 'SoftHSM v2' },
      key: { label: 'hsm_demo', id: Uint8Array.of(1, 255), class: 'secret' },
      pin: { kind: 'file', path: '/run/pin' },
    });
    expect(notes).toEqual([]);
  });

  it.each([
    ['token=t', { label: 't' }],
    ['manufacturer=m', { manufacturer: 'm' }],
    ['model=m', { model: 'm' }],
    ['serial=s', { serial: 's' }],
    ['slot-id=18446744073709551615', { slot: 2n ** 64n - 1n }],
  ])('chooses the token by %s alone', async (path, token) => {
    const { seal } = await load(makeHome(), ['lib = "/x"', 'key_label = "k"', `uri = "pkcs11:${path}"`]);
    expect(seal.token).toEqual({ slot: null, label: null, serial: null, manufacturer: null, model: null, ...token });
  });

  it('takes a pin-value as the PIN itself, whatever it looks like', async () => {
    const lines = ['lib = "/x"', 'key_label = "k"', 'uri = "pkcs11:token=t?pin-value=env:A%26b"'];
    expect((await load(makeHome(), lines)).seal.pin).toMatchObject({ kind: 'literal', value: 'env:A&b' });
  });

  it('may repeat what the stanza says, and complete it', async () => {
    const lines = [
      'lib = "/usr/lib/p11.so"',
      'slot = "0x3"',
      'token_label = "demo"',
      'serial = "00a1"',
      'pin = "file:///run/pin"',
      'key_label = "hsm_demo"',
      'key_id = "0x01FF"',
      'hmac_key_label = "h"',
      `uri = "${full}"`,
    ];
    expect((await load(makeHome(), lines)).seal).toMatchObject({ token: { slot: 3n }, hmacKey: { label: 'h' } });
  });

  it.each([
    ['lib = "/other.so"', 'module-path'],
    ['slot = 4', 'slot-id'],
    ['token_label = "hunter2"', 'token'],
    ['serial = "hunter2"', 'serial'],
    ['pin = "hunter2"', 'pin-source'],
    ['key_label = "hunter2"', 'object'],
    ['key_id = "02"', 'id'],
  ])('must not contradict %s', async (line, attribute) => {
    const home = makeHome();
    const file = home.write('c.hcl', `seal "pkcs11" {\n  uri = "${full}"\n  ${line}\n}\n`);
    const error = await home.failure(file);
    expect(error.code).toBe('config_conflict');
    expect(error.message).toBe(`${file}:3:3: seal "pkcs11": ${line.split(' ')[0]} differs from ${attribute} in uri`);
    expect(hintText(error.hint ?? '')).toMatch(/\w/);
  });

  it('must not contradict a PIN, and no PIN is shown', async () => {
    const home = makeHome();
    const body = 'uri = "pkcs11:token=t?pin-value=hunter2"\npin = "hunter3"';
    const error = await home.failure(home.write('c.hcl', `seal "pkcs11" {\n${body}\n}\n`));
    expect(error).toMatchObject({ code: 'config_conflict' });
    expect(error.message + hintText(error.hint ?? '')).not.toContain('hunter');
  });

  it('is checked like the keys that it stands for', async () => {
    const home = makeHome();
    const refuse = async (uri: string): Promise<string> => {
      const file = home.write('c.hcl', `seal "pkcs11" {\n  uri = "${uri}"\n}\n`);
      return (await home.failure(file)).message.replace(file, '');
    };
    const rest = 'object=k?module-path=/x';
    expect(await refuse(`pkcs11:slot-id=18446744073709551616;${rest}`)).toBe(
      ':2:3: seal "pkcs11": uri: slot-id is larger than a slot number can be (2^64 - 1)',
    );
    expect(await refuse('pkcs11:token=t;object=k?module-path=x.so')).toBe(
      ':2:3: seal "pkcs11": uri: module-path must be an absolute path',
    );
    expect(await refuse(`pkcs11:token=t;id=${'%00'.repeat(256)};${rest}`)).toBe(
      ':2:3: seal "pkcs11": uri: id is longer than 255 bytes',
    );
    expect(await refuse('pkcs11:?module-path=/x')).toBe(
      ':1:1: seal "pkcs11": slot, token_label, serial or uri is missing',
    );
  });
});

describe('a PIN in a uri', () => {
  it('never lands in the cache, nor does the name of an entry depend on it', async () => {
    const home = makeHome();
    for (const pin of ['hunter2', 'hunter3', '%68unter4']) {
      const { seal } = await load(home, ['lib = "/x"', 'key_label = "k"', `uri = "pkcs11:token=t?pin-value=${pin}"`]);
      expect(seal.pin).toMatchObject({ kind: 'literal', value: decodeURIComponent(pin) });
    }
    const files = home.cacheFiles();
    expect(files).toHaveLength(1);
    expect(JSON.parse(fs.readFileSync(String(files[0]), 'utf8'))).toEqual(['/x', 'k']);
  });

  it('never lands in the cache where the uri is wrong or misspelt', async () => {
    const home = makeHome();
    for (const line of [
      'uri = "pkcs11:tokn=t?pin-value=hunter2"',
      'uir = "pkcs11:token=t?pin-value=hunter2"',
      'uri = "hunter2"',
    ]) {
      const error = await home.failure(home.write('c.hcl', `seal "pkcs11" {\n  ${line}\n}\n`));
      expect(error.message + hintText(error.hint ?? '')).not.toContain('hunter2');
    }
    const content = home.cacheFiles().map((file) => fs.readFileSync(file, 'utf8'));
    expect(content.length).toBeGreaterThan(0);
    expect(content.join('')).not.toContain('hunter2');
  });

  it('is noted when others can read the file, also where the environment overrides it', async () => {
    const home = makeHome();
    const body = { lib: '/x', key_label: 'k', uri: 'pkcs11:token=t?pin-value=hunter2' };
    const stanza = `seal "pkcs11" {\n${Object.entries(body)
      .map(([key, value]) => `${key} = "${value}"\n`)
      .join('')}}\n`;
    for (const file of [
      home.write('c.hcl', stanza, 0o644),
      home.write('c.json', JSON.stringify({ seal: { pkcs11: body } }), 0o644),
    ]) {
      const note = `${file}: holds a PIN, and other users can read it; run: chmod go= ${file}`;
      expect((await home.load(file)).notes).toEqual([note]);
      expect((await home.load(file, { COFFER_HSM_PIN: 'x' })).notes).toEqual([note]);
      fs.chmodSync(file, 0o600);
      expect((await home.load(file)).notes).toEqual([]);
    }
    const source = home.write(
      'd.hcl',
      stanza.replace('pin-value=hunter2', `pin-source=${home.write('pin', '1', 0o644)}`),
      0o644,
    );
    expect((await home.load(source)).notes).toEqual([
      expect.stringContaining('/pin: other users can read this PIN file'),
    ]);
  });
});

describe('COFFER_HSM_URI', () => {
  it('replaces what it names, and drops the token that the file chooses', async () => {
    const home = makeHome();
    const lines = [
      'lib = "/x"',
      'slot = 1',
      'pin = "1"',
      'key_label = "k"',
      'key_id = "01"',
      'uri = "pkcs11:model=m;type=private;serial=s"',
    ];
    const token = { slot: null, label: null, serial: null, manufacturer: null, model: null };
    expect((await load(home, lines)).seal.token).toEqual({ ...token, slot: 1n, model: 'm', serial: 's' });

    const other = (await load(home, lines, { COFFER_HSM_URI: 'pkcs11:token=t?module-path=/y&pin-value=2' })).seal;
    expect(other).toMatchObject({ lib: '/y', token: { ...token, label: 't' }, pin: { kind: 'literal', value: '2' } });
    expect(other.key).toEqual({ label: 'k', id: Uint8Array.of(1), class: 'private' });

    const key = (await load(home, lines, { VAULT_HSM_URI: 'pkcs11:object=o' })).seal;
    expect(key.key).toEqual({ label: 'o', id: null, class: null });
    expect(key.token).toEqual({ ...token, slot: 1n, model: 'm', serial: 's' });
  });

  it('may say the same PIN as another variable', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', 'seal "pkcs11" {\n  lib = "/x"\n  key_label = "k"\n}\n');
    const env = { COFFER_HSM_URI: 'pkcs11:token=a?pin-value=1234', COFFER_HSM_PIN: '1234' };
    expect((await home.load(file, env)).seal.pin).toMatchObject({ kind: 'literal', value: '1234' });
    const error = await home.failure(file, { ...env, COFFER_HSM_PIN: '12345' });
    expect(error).toMatchObject({ code: 'config_conflict' });
  });

  it('must not contradict another variable', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', 'seal "pkcs11" {}\n');
    const error = await home.failure(file, { COFFER_HSM_URI: 'pkcs11:token=a', COFFER_HSM_TOKEN_LABEL: 'b' });
    expect(error).toMatchObject({
      code: 'config_conflict',
      message: 'environment variable COFFER_HSM_TOKEN_LABEL differs from token in uri',
    });
  });
});
