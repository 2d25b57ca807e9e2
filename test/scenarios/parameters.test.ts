import { afterEach, describe, expect, it } from 'vitest';
import { decodeRecord } from '../../src/seal/record.ts';
import { createSoftHsm, destroyKeys, importKey } from '../support/softhsm.ts';
import { configuration, makeStand, readRows, type Stand, type StandOptions } from '../support/store.ts';

/**
 * Every parameter of the seal stanza, each with a fact that would be false if the parameter were ignored. The tokens are
 * real; where only the calls tell, they are read from the shim's log.
 */
let stand: Stand;
afterEach(() => stand.remove());

const DETAIL = { COFFER_SHIM_LOG_DETAIL: '1' };

function opened(options: StandOptions = {}): Stand {
  stand = makeStand(options);
  stand.open();
  stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
  stand.ok('kv', 'put', 'kv/a', 'b=c');
  return stand;
}

/** The configuration again, without the lines that match, and with others. */
function reconfigure(without: RegExp, lines = ''): void {
  const kept = configuration(stand)
    .split('\n')
    .filter((line) => !without.test(line));
  stand.write('coffer.hcl', kept.join('\n').replace('generate_key', `${lines}\n  generate_key`));
}

function fails(status: number, ...args: string[]): string {
  const outcome = stand.run([...args, '-format=json']);
  expect(outcome.status).toBe(status);
  return (JSON.parse(outcome.stderr.trim().split('\n').at(-1) ?? '{}') as { code: string }).code;
}

/** Mechanism and key of the first wrap, and of the HMAC, of the seal-wrapped value. */
function written(): { seal: string; mechanism: number; keyLabel: string; hash: string; hmacLabel: string | undefined } {
  const row = readRows(stand.path).find(({ path }) => path.startsWith('data/'));
  const { wraps, macStanza } = decodeRecord(new Uint8Array(row?.value ?? []));
  const [wrap] = wraps;
  if (wrap === undefined) throw new Error('a record has a wrap');
  return {
    seal: wrap.seal,
    mechanism: wrap.mechanism,
    keyLabel: wrap.keyLabel,
    hash: Buffer.from(wrap.parameters).toString('hex'),
    hmacLabel: macStanza?.keyLabel,
  };
}

describe('which module', () => {
  it('lib', () => {
    stand = makeStand();
    reconfigure(/^ {2}lib /, '  lib = "/nonexistent/hsm.so"');
    expect(fails(3, 'init')).toBe('module_not_found');
  });

  it('library_parameters', () => {
    stand = makeStand({ faults: ['library-parameters:configdir=/here'] });
    expect(fails(3, 'init')).toBe('ckr_arguments_bad');
    reconfigure(/^$/, '  library_parameters = "configdir=/here"');
    stand.open();
  });
});

describe('which token', () => {
  const twin = (): ReturnType<typeof createSoftHsm> => {
    stand = makeStand();
    return createSoftHsm({ dir: `${stand.dir}/hsm`, label: stand.hsm.label, pin: stand.hsm.pin });
  };

  it('token_label', () => {
    stand = makeStand();
    reconfigure(/token_label/, '  token_label = "other"');
    expect(fails(3, 'init')).toBe('token_not_found');
  });

  it('slot, decimal and hexadecimal', () => {
    const other = twin();
    expect(fails(3, 'init')).toBe('token_ambiguous');
    for (const slot of [String(other.slot), `0x${other.slot.toString(16)}`]) {
      reconfigure(/token_label/, `  slot = "${slot}"`);
      expect(JSON.parse(stand.ok('hsm', 'keys', '-format=json'))).toMatchObject({ token: { serial: other.serial } });
    }
  });

  it('serial', () => {
    const other = twin();
    reconfigure(/^$/, `  serial = "${other.serial}"`);
    expect(JSON.parse(stand.ok('hsm', 'keys', '-format=json'))).toMatchObject({ token: { serial: other.serial } });
    reconfigure(/^$/, '  serial = "none"');
    expect(fails(3, 'init')).toBe('token_not_found');
  });

  it('uri, with the module, the PIN, the key and its id', () => {
    stand = makeStand();
    const { lib, hsm } = stand;
    stand.write('pin', `${hsm.pin}\n`);
    const uri = `pkcs11:token=${hsm.label};serial=${hsm.serial};object=from-uri;id=%01%02?module-path=${lib}&pin-source=file:${stand.dir}/pin`;
    reconfigure(/^ {2}(lib|token_label|pin|key_label) /, `  uri = "${uri}"`);
    stand.open();
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=c');
    expect(written()).toMatchObject({ keyLabel: 'from-uri' });
    reconfigure(/^ {2}(lib|token_label|pin|key_label) /, `  uri = "${uri.replace(hsm.serial, 'none')}"`);
    expect(fails(3, 'kv', 'get', 'kv/a')).toBe('token_not_found');
    reconfigure(/^ {2}(lib|token_label|pin|key_label) /, `  uri = "${uri.replace(/pin-source.*/, 'pin-value=0000')}"`);
    expect(fails(3, 'kv', 'get', 'kv/a')).toBe('pin_incorrect');
  });
});

describe('which keys', () => {
  it('pin', () => {
    opened();
    reconfigure(/^ {2}pin /, '  pin = "9999"');
    expect(fails(3, 'kv', 'get', 'kv/a')).toBe('pin_incorrect');
  });

  it('key_label, hmac_key_label and name', () => {
    opened();
    reconfigure(
      /key_label/,
      '  key_label = "other"\n  hmac_key_label = "other-hmac"\n  name = "second"\n  previous_key_label = "hsm_demo"\n  previous_hmac_key_label = "hsm_hmac_demo"',
    );
    stand.ok('hsm', 'keygen', '-type=aes', '-label=other');
    stand.ok('hsm', 'keygen', '-type=hmac', '-label=other-hmac');
    stand.ok('kv', 'put', 'kv/a', 'b=d');
    expect(written()).toMatchObject({ seal: 'second', keyLabel: 'other', hmacLabel: 'other-hmac' });
  });

  it('key_id and hmac_key_id', () => {
    stand = makeStand();
    for (const [label, type] of [
      ['hsm_demo', 'aes'],
      ['hsm_hmac_demo', 'generic'],
    ] as const) {
      for (const id of ['01', '02'])
        importKey(stand.hsm, { label, type, id, value: new Uint8Array(32).fill(Number(id)) });
    }
    expect(fails(3, 'init')).toBe('key_ambiguous');
    reconfigure(/^$/, '  key_id = "02"');
    expect(fails(3, 'init')).toBe('key_ambiguous');
    reconfigure(/^$/, '  key_id = "02"\n  hmac_key_id = "0x01"');
    stand.open();
  });

  it('default_key_label', () => {
    opened();
    const value = new Uint8Array(32).fill(7);
    importKey(stand.hsm, { label: 'old', type: 'aes', id: '07', value });
    reconfigure(/ key_label/, '  key_label = "old"\n  previous_key_label = "hsm_demo"');
    stand.ok('sealwrap', 'rewrap');
    destroyKeys(stand.hsm, 'old');
    importKey(stand.hsm, { label: 'renamed', type: 'aes', id: '08', value });
    expect(fails(3, 'kv', 'get', 'kv/a')).toBe('key_not_found');
    reconfigure(/ key_label/, '  key_label = "renamed"\n  default_key_label = "renamed"');
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
  });

  it('default_hmac_key_label', () => {
    opened();
    const value = new Uint8Array(32).fill(9);
    importKey(stand.hsm, { label: 'old', type: 'generic', id: '07', value });
    reconfigure(/hmac_key_label/, '  hmac_key_label = "old"\n  previous_hmac_key_label = "hsm_hmac_demo"');
    stand.ok('sealwrap', 'rewrap');
    destroyKeys(stand.hsm, 'old');
    importKey(stand.hsm, { label: 'renamed', type: 'generic', id: '08', value });
    expect(fails(3, 'kv', 'get', 'kv/a')).toBe('key_not_found');
    reconfigure(/hmac_key_label/, '  hmac_key_label = "renamed"\n  default_hmac_key_label = "renamed"');
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
  });

  it('generate_key', () => {
    stand = makeStand();
    stand.write('coffer.hcl', configuration(stand).replace('generate_key   = "true"', ''));
    expect(fails(3, 'init')).toBe('key_not_found');
  });
});

describe('which mechanism', () => {
  it.each([
    ['CKM_AES_CBC', 0x1082],
    ['0x1087', 0x1087],
    ['4229', 0x1085],
    ['CKM_RSA_PKCS', 0x1],
    ['9', 0x9],
  ])('mechanism = "%s"', (name, mechanism) => {
    opened({ seal: `mechanism = "${name}"` });
    expect(written().mechanism).toBe(mechanism);
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
  });

  it('hmac_mechanism', () => {
    opened({ seal: 'hmac_mechanism = "0x0251"' });
    reconfigure(/^$/, '  hmac_mechanism = "CKM_SHA512_HMAC"');
    expect(stand.run(['kv', 'get', 'kv/a']).status).toBe(1);
  });

  it('rsa_oaep_hash', () => {
    stand = makeStand({ seal: 'rsa_oaep_hash = "sha384"' });
    expect(fails(3, 'init')).toBe('mechanism_refused'); // SoftHSM has SHA-1 only
    stand.remove();
    opened({ seal: 'rsa_oaep_hash = "sha384"', faults: ['oaep-hash:0x260'] });
    expect(written().hash).toBe('00000260');
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
  });

  it('rsa_encrypt_local', () => {
    const encryptions = (seal: string): number => {
      opened({ shim: true, seal });
      stand.shim?.clear();
      stand.ok('kv', 'put', 'kv/a', 'b=d');
      return stand.shim?.calls().filter((name) => name === 'C_Encrypt').length ?? 0;
    };
    expect(encryptions('mechanism = "CKM_RSA_PKCS_OAEP"')).toBe(1);
    stand.remove();
    expect(encryptions('mechanism = "CKM_RSA_PKCS_OAEP"\n  rsa_encrypt_local = "true"')).toBe(0);
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('d');
  });
});

describe('how it is used', () => {
  it('force_rw_session', () => {
    const flags = (seal: string): string[] => {
      opened({ shim: true, seal });
      stand.shim?.clear();
      expect(stand.run(['kv', 'get', 'kv/a'], { env: DETAIL }).status).toBe(0);
      return stand.shim?.calls().filter((call) => call.startsWith('C_OpenSession')) ?? [];
    };
    expect(flags('')).toEqual(['C_OpenSession 0x4']);
    stand.remove();
    expect(flags('force_rw_session = "true"')).toEqual(['C_OpenSession 0x6']);
  });

  it('max_parallel', () => {
    opened({ shim: true, seal: 'max_parallel = "3"' });
    for (let at = 0; at < 10; at++) stand.ok('kv', 'put', `kv/${at}`, 'b=c'); // for eight and fewer it takes one
    stand.ok('hsm', 'keygen', '-type=aes', '-label=other');
    reconfigure(/ key_label/, '  key_label = "other"\n  previous_key_label = "hsm_demo"\n  max_parallel = "3"');
    stand.shim?.clear();
    stand.ok('sealwrap', 'rewrap');
    expect(stand.shim?.calls().filter((name) => name === 'C_OpenSession')).toHaveLength(4);
  });

  it('disabled', () => {
    stand = makeStand({ seal: 'disabled = "true"' });
    expect(fails(1, 'init')).toBe('seal_disabled');
  });

  it('priority, of which there is nothing to do with a single seal but to say so', () => {
    opened({ seal: 'priority = "2"' });
    expect(stand.run(['status']).stderr).toContain('priority has no effect');
  });
});

describe('the environment alone', () => {
  it('is a configuration with COFFER_SEAL_TYPE=pkcs11', () => {
    stand = makeStand();
    const { hsm, lib } = stand;
    const env = {
      COFFER_CONFIG: '',
      COFFER_SEAL_TYPE: 'pkcs11',
      COFFER_STORAGE_PATH: stand.path,
      COFFER_HSM_LIB: lib,
      COFFER_HSM_TOKEN_LABEL: hsm.label,
      COFFER_HSM_PIN: hsm.pin,
      COFFER_HSM_KEY_LABEL: 'env-key',
      COFFER_HSM_HMAC_KEY_LABEL: 'env-hmac',
      COFFER_HSM_GENERATE_KEY: 'true',
    };
    for (const args of [
      ['init'],
      ['unseal'],
      ['secrets', 'enable', '-seal-wrap', 'kv'],
      ['kv', 'put', 'kv/a', 'b=c'],
    ]) {
      expect(stand.run(args, { env })).toMatchObject({ status: 0 });
    }
    expect(written()).toMatchObject({ keyLabel: 'env-key', hmacLabel: 'env-hmac' });
  });
});
