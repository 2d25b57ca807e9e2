import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { generateRsaPair, importKey } from '../support/softhsm.ts';
import { configuration, makeStand, type Stand, type StandOptions } from '../support/store.ts';

const CKA = { PRIVATE: 0x2, SENSITIVE: 0x103, EXTRACTABLE: 0x162 };
const SAFE = { [CKA.PRIVATE]: true, [CKA.SENSITIVE]: true, [CKA.EXTRACTABLE]: false };

const NO_PIN = 'can be used without a PIN by whoever reaches the token (CKA_PRIVATE is false)';
const LEAVES = 'can leave the HSM (CKA_EXTRACTABLE is true)';
const READABLE = 'can be read in the clear (CKA_SENSITIVE is false)';
const IMPORTED = 'was not made in the HSM, so that somebody may have a copy of it (CKA_LOCAL is false)';

let stand: Stand;
afterEach(() => stand.remove());

/** A stand whose configuration names the keys "wraps" and "authenticates", which have these attributes. */
function withKeys(
  wraps: Readonly<Record<number, boolean>>,
  authenticates: Readonly<Record<number, boolean>>,
  options: StandOptions = {},
): void {
  stand = makeStand(options);
  importKey(stand.hsm, {
    label: 'wraps',
    id: '01',
    type: 'aes',
    value: randomBytes(32),
    attributes: { ...SAFE, ...wraps },
  });
  importKey(stand.hsm, {
    label: 'authenticates',
    id: '02',
    type: 'generic',
    value: randomBytes(32),
    attributes: { ...SAFE, ...authenticates },
  });
  stand.write(
    'coffer.hcl',
    configuration(stand).replace('"hsm_demo"', '"wraps"').replace('"hsm_hmac_demo"', '"authenticates"'),
  );
}

function warnings(...args: string[]): string[] {
  const { status, stderr } = stand.run(args);
  expect(status, stderr).toBe(0);
  return stderr.split('\n').flatMap((line) => /^warning: the HSM (.*); see: coffer diagnose$/.exec(line)?.[1] ?? []);
}

function init(): string[] {
  return warnings('init', '-recovery-shares=0', '-recovery-threshold=0');
}

function diagnosed(name: string): unknown {
  const { checks } = JSON.parse(stand.run(['diagnose', '-format=json']).stdout) as { checks: { name: string }[] };
  return checks.find((check) => check.name === name);
}

describe('a key that wraps or authenticates', () => {
  for (const [what, attributes, text] of [
    ['is public', { [CKA.PRIVATE]: false }, NO_PIN],
    ['is extractable', { [CKA.EXTRACTABLE]: true }, LEAVES],
    ['is not sensitive', { [CKA.SENSITIVE]: false }, READABLE],
  ] as const) {
    it(`and ${what} is warned of by init, unseal and diagnose`, () => {
      withKeys(attributes, {});
      expect(init()).toEqual([`key "wraps" ${text}`, `key "wraps" ${IMPORTED}`, `key "authenticates" ${IMPORTED}`]);
      expect(warnings('unseal')).toEqual([`key "wraps" ${text}`]);
      expect(warnings('unseal', '-ttl=1h')).toEqual([`key "wraps" ${text}`]);
      expect(diagnosed('wrapping key')).toMatchObject({
        status: 'warning',
        message: `the key "wraps" ${text}; it ${IMPORTED}`,
      });
      stand.remove();

      withKeys({}, attributes);
      expect(init()).toContain(`key "authenticates" ${text}`);
      expect(warnings('unseal')).toEqual([`key "authenticates" ${text}`]);
      expect(diagnosed('HMAC key')).toMatchObject({
        status: 'warning',
        message: `the key "authenticates" ${text}; it ${IMPORTED}`,
      });
    });
  }

  it('and was imported is for init and diagnose to say, not for every boot', () => {
    withKeys({}, {});
    expect(init()).toEqual([`key "wraps" ${IMPORTED}`, `key "authenticates" ${IMPORTED}`]);
    expect(warnings('unseal')).toEqual([]);
    expect(diagnosed('wrapping key')).toMatchObject({ status: 'warning', message: `the key "wraps" ${IMPORTED}` });
    expect(stand.ok('hsm', 'keys')).toMatch(/^wraps .* sensitive, IMPORTED +wrapping$/m);
  });

  for (const [what, attributes, text] of [
    ['is public', { [CKA.PRIVATE]: false }, NO_PIN],
    ['is extractable', { [CKA.EXTRACTABLE]: true }, LEAVES],
  ] as const) {
    it(`and ${what} is warned of as a previous key, too, and by sealwrap`, () => {
      withKeys(attributes, attributes);
      init();
      expect(warnings('unseal')).toEqual([`key "wraps" ${text}`, `key "authenticates" ${text}`]);
      const both = [`key "wraps" ${text}`, `key "authenticates" ${text}`];
      expect(warnings('sealwrap', 'status')).toEqual(both);
      expect(warnings('sealwrap', 'rewrap')).toEqual([
        `key "wraps" ${text}`,
        `key "wraps" ${IMPORTED}`,
        `key "authenticates" ${text}`,
        `key "authenticates" ${IMPORTED}`,
      ]);
      stand.write(
        'coffer.hcl',
        configuration(stand)
          .replace('"hsm_demo"', '"hsm_demo"\n  previous_key_label = "wraps"')
          .replace('"hsm_hmac_demo"', '"hsm_hmac_demo"\n  previous_hmac_key_id = "02"'),
      );
      stand.ok('hsm', 'keygen');
      expect(warnings('unseal')).toEqual(both);
      expect(warnings('sealwrap', 'status')).toEqual(both);
      expect(warnings('sealwrap', 'rewrap')).toEqual(expect.arrayContaining(both));
      // Nothing is under them any more, and they open what a forger puts there all the same.
      expect(warnings('unseal', '-ttl=1h')).toEqual(both);
      expect(warnings('sealwrap', 'status')).toEqual(both);
      const told = JSON.parse(stand.ok('sealwrap', 'status', '-format=json')) as unknown;
      expect(told).toMatchObject({
        no_longer_needed: ['previous_key_label "wraps"', 'previous_hmac_key_id 02'],
        warnings: both.map((warning) => `the HSM ${warning}; see: coffer diagnose`),
      });
      expect(diagnosed('wrapping key')).toMatchObject({ status: 'ok' });
      const remedy = expect.stringContaining(
        'Take it out of the seal stanza when `coffer sealwrap status` says that nothing needs it',
      ) as string;
      expect(diagnosed('previous wrapping key')).toMatchObject({
        status: 'warning',
        message: `the key "wraps" (previous_key_label "wraps") ${text}; it ${IMPORTED}`,
        remedy,
      });
      expect(diagnosed('previous HMAC key')).toMatchObject({
        status: 'warning',
        message: `the key "authenticates" (previous_hmac_key_id 02) ${text}; it ${IMPORTED}`,
        remedy,
      });
    });
  }

  it('and the key that is to take over is looked at before anything is under it', () => {
    stand = makeStand();
    stand.open();
    importKey(stand.hsm, {
      label: 'wraps',
      id: '01',
      type: 'aes',
      value: randomBytes(32),
      attributes: { ...SAFE, [CKA.EXTRACTABLE]: true },
    });
    stand.write('coffer.hcl', configuration(stand).replace('"hsm_demo"', '"wraps"\n  previous_key_label = "hsm_demo"'));
    expect(warnings('unseal')).toEqual([`key "wraps" ${LEAVES}`]);
  });

  it('has a remedy under which what it wrapped still opens', () => {
    withKeys({ [CKA.EXTRACTABLE]: true }, { [CKA.EXTRACTABLE]: true });
    init();
    for (const [name, option] of [
      ['wrapping key', 'key_label'],
      ['HMAC key', 'hmac_key_label'],
    ] as const) {
      const { remedy } = diagnosed(name) as { remedy: string };
      expect(remedy).toContain(`name another key in ${option}, `);
      expect(remedy).toContain(`this one in previous_${option} (or previous_${option.replace('label', 'id')})`);
    }
    // Its commands alone, before the stanza is changed, do no harm.
    stand.ok('unseal');
    stand.ok('hsm', 'keygen', '-label=NAME');
    stand.ok('hsm', 'keygen', '-type=hmac', '-label=NAME2');
    stand.ok('sealwrap', 'rewrap');
    expect(stand.ok('seal-status')).toMatch(/Sealed +false/);
  });

  it('and was made by coffer is no cause for a warning', () => {
    stand = makeStand();
    expect(init()).toEqual([]);
    expect(warnings('unseal')).toEqual([]);
    expect(diagnosed('wrapping key')).toMatchObject({ status: 'ok' });
    expect(diagnosed('HMAC key')).toMatchObject({ status: 'ok' });
  });

  it('of RSA is warned of for its private half alone', () => {
    stand = makeStand();
    generateRsaPair(stand.hsm, { label: 'pair', id: '01', attributes: { [CKA.EXTRACTABLE]: false } });
    stand.write('coffer.hcl', configuration(stand).replace('"hsm_demo"', '"pair"'));
    expect(init()).toEqual([]);
    expect(warnings('unseal')).toEqual([]);
    expect(stand.ok('hsm', 'keys')).toMatch(/^pair .* public .* - +wrapping$/m);
    stand.remove();

    stand = makeStand();
    generateRsaPair(stand.hsm, { label: 'pair', id: '01', attributes: { [CKA.EXTRACTABLE]: true } });
    stand.write('coffer.hcl', configuration(stand).replace('"hsm_demo"', '"pair"'));
    expect(init()).toEqual([`key "pair" ${LEAVES}`]);
    expect(warnings('unseal')).toEqual([`key "pair" ${LEAVES}`]);
  });

  it('is said nothing of where the token does not tell, and the store is unsealed all the same', () => {
    withKeys({ [CKA.PRIVATE]: false }, {}, { shim: true });
    init();
    stand.write(
      'coffer.hcl',
      configuration(stand)
        .replace('"hsm_demo"', '"wraps"\n  previous_key_id = "0e"')
        .replace('"hsm_hmac_demo"', '"authenticates"'),
    );
    for (const value of ['0x5', '0x12', '0x30']) {
      const { status, stdout, stderr } = stand.run(['unseal'], {
        env: { COFFER_SHIM_FAULT: `fail:C_GetAttributeValue:${value}` },
      });
      expect({ status, stdout, stderr }).toEqual({
        status: 0,
        stdout: expect.stringContaining('Success!') as string,
        stderr: '',
      });
    }
  });

  it('is looked at by unseal in four calls, and by no command that reads', () => {
    withKeys({ [CKA.PRIVATE]: false }, {}, { shim: true });
    init();
    stand.shim?.clear();
    stand.ok('unseal');
    const attributes = (): number => stand.shim?.calls().filter((call) => call === 'C_GetAttributeValue').length ?? -1;
    expect(attributes()).toBe(4);
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=c');
    stand.shim?.clear();
    expect(stand.run(['kv', 'get', 'kv/a'])).toMatchObject({ status: 0, stderr: '' });
    expect(attributes()).toBe(0);
  });
});
