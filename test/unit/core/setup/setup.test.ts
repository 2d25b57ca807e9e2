import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationOf, loadConfig } from '../../../../src/config/index.ts';
import { configurationText, type Answers } from '../../../../src/core/setup/configuration.ts';
import { triedParameters, usualParameters } from '../../../../src/core/setup/parameters.ts';
import { usualPlaces } from '../../../../src/core/setup/places.ts';
import { registeredModules } from '../../../../src/core/setup/registry.ts';
import { tryConfigurationPlace, writeConfiguration } from '../../../../src/core/setup/write.ts';

const answers: Answers = {
  lib: '/usr/lib/softhsm/libsofthsm2.so',
  libraryParameters: null,
  token: [['token_label', 'demo']],
  pin: null,
  keyLabel: 'coffer',
  hmacKeyLabel: 'coffer-hmac',
  generateKey: true,
  storePath: '/var/lib/coffer/coffer.db',
  entropy: true,
};

let dir: string;
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-setup-')));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function load(given: Answers) {
  const path = join(dir, 'coffer.hcl');
  const env = { HOME: dir };
  await writeConfiguration(path, configurationText(given));
  const config = await loadConfig({ paths: [path], env });
  expect(await configurationOf(path, configurationText(given), env)).toEqual(config);
  return config;
}

describe('a configuration that setup writes', () => {
  it('says what was answered', async () => {
    const { seal, storage, entropyAugmentation, autoUnseal, notes } = await load(answers);
    expect({ storage, entropyAugmentation, autoUnseal, notes }).toEqual({
      storage: { type: 'sqlite', path: answers.storePath },
      entropyAugmentation: true,
      autoUnseal: false,
      notes: [],
    });
    expect(seal).toMatchObject({
      lib: answers.lib,
      pin: null,
      generateKey: true,
      key: { label: 'coffer' },
      hmacKey: { label: 'coffer-hmac' },
    });
    expect(seal.token).toMatchObject({ label: 'demo', serial: null, slot: null });
  });

  it('says what was not wanted, too', async () => {
    const { seal, entropyAugmentation } = await load({
      ...answers,
      hmacKeyLabel: null,
      generateKey: false,
      entropy: false,
    });
    expect({ entropyAugmentation, hmacKey: seal.hmacKey, generateKey: seal.generateKey }).toEqual({
      entropyAugmentation: false,
      hmacKey: null,
      generateKey: false,
    });
  });

  it('chooses the token by serial and slot where that was answered', async () => {
    const { seal } = await load({
      ...answers,
      token: [
        ['serial', '00ab'],
        ['slot', '18446744073709551615'],
      ],
    });
    expect(seal.token).toMatchObject({ label: null, serial: '00ab', slot: 18446744073709551615n });
  });

  it('has what C_Initialize of NSS wants', async () => {
    const libraryParameters = "configdir='sql:/etc/pki/nssdb' certPrefix='' keyPrefix='' secmod='secmod.db' flags=";
    expect((await load({ ...answers, libraryParameters })).seal.libraryParameters).toBe(libraryParameters);
  });

  for (const [pin, source] of [
    ['file:/run/pin', { kind: 'file', path: '/run/pin' }],
    ['env:HSM_PIN', { kind: 'env', name: 'HSM_PIN' }],
    ['credential:coffer-pin', { kind: 'credential', name: 'coffer-pin' }],
    ['1234', { kind: 'literal', value: '1234' }],
  ] as const) {
    it(`has the PIN from ${source.kind}`, async () => {
      expect((await load({ ...answers, pin })).seal.pin).toMatchObject(source);
    });
  }

  it('is understood whatever is in a label (in normal form C, which HCL brings text into)', async () => {
    const label = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .map((text) => text.normalize())
      .filter((text) => Buffer.byteLength(text) <= 255);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(label, fc.constantFrom('"', '\\', '${x}', '%{if}', '$${', 'a\nb', '# no comment', '$', '%%{')),
        async (keyLabel) => {
          expect((await load({ ...answers, keyLabel })).seal.key.label).toBe(keyLabel);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the file of a configuration', () => {
  it('is readable by its owner alone, in a folder of the same kind', async () => {
    const target = join(dir, 'new/folder/coffer.hcl');
    tryConfigurationPlace(target);
    expect(existsSync(join(dir, 'new'))).toBe(false);
    await writeConfiguration(target, '# nothing');
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'new/folder')).mode & 0o777).toBe(0o700);
    tryConfigurationPlace(target);
    expect(readFileSync(target, 'utf8')).toBe('# nothing');
    expect(readdirSync(dirname(target))).toEqual(['coffer.hcl']);
  });

  it('says where it cannot be', async () => {
    writeFileSync(join(dir, 'file'), '');
    const target = join(dir, 'file/coffer.hcl');
    const refused = /cannot write .*file\/coffer\.hcl: (not a directory|file already exists)/;
    expect(() => tryConfigurationPlace(target)).toThrow(refused);
    await expect(writeConfiguration(target, '')).rejects.toThrow(refused);
  });
});

describe('the parameters that a library is looked at with', () => {
  const [yubico = ''] = usualPlaces().flatMap(({ name, path }) => (name === 'YubiHSM 2' ? [path] : []));

  it("lead Yubico's to the connector of this machine, unless the environment names its configuration", () => {
    expect(yubico).toMatch(/\/pkcs11\/yubihsm_pkcs11\.so$/);
    expect(triedParameters(yubico, {})).toBe('connector=http://127.0.0.1:12345');
    expect(triedParameters(yubico, { YUBIHSM_PKCS11_CONF: '/etc/yubihsm.conf' })).toBeNull();
    expect(usualParameters(yubico, { YUBIHSM_PKCS11_CONF: '/etc/yubihsm.conf' })).toBeNull();
  });

  it('are proposed for NSS, and no token is looked for with them', () => {
    expect(usualParameters('/usr/lib/libsoftokn3.so', {})).toMatchObject({ whose: 'NSS' });
    expect(triedParameters('/usr/lib/libsoftokn3.so', {})).toBeNull();
  });

  it('are none for another', () => {
    expect(usualParameters('/usr/lib/softhsm/libsofthsm2.so', {})).toBeNull();
  });
});

describe("p11-kit's registry", () => {
  it('names modules; the first folder goes before the second', () => {
    const [etc, share] = [join(dir, 'etc'), join(dir, 'share')];
    for (const folder of [etc, share]) mkdirSync(folder);
    for (const name of ['a.so', 'b.so', 'c.so']) writeFileSync(join(dir, name), '');
    writeFileSync(join(etc, 'hsm.module'), `# of the administrator\nmodule: ${join(dir, 'a.so')}\npriority: 1\n`);
    writeFileSync(join(share, 'hsm.module'), `module:${join(dir, 'b.so')}\n`);
    writeFileSync(join(share, 'other.module'), `trust-policy: no\n  module :  ${join(dir, 'c.so')}  \r\n`);
    writeFileSync(join(share, 'far.module'), 'remote: |ssh host p11-kit remote\n');
    writeFileSync(join(share, 'gone.module'), `module: ${join(dir, 'gone.so')}\n`);
    writeFileSync(join(share, 'notes.txt'), `module: ${join(dir, 'a.so')}\n`);
    expect(registeredModules([etc, share, join(dir, 'none')])).toEqual([
      { name: 'hsm', path: join(dir, 'a.so') },
      { name: 'other', path: join(dir, 'c.so') },
    ]);
  });
});
