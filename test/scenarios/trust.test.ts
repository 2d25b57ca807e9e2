import { type createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { withSeal } from '../../src/core/context.ts';
import { openKeys } from '../../src/core/unsealed/keys.ts';
import { encodeHeader } from '../../src/seal/record.ts';
import { type MacStanza, readRecord, type Wrap } from '../../src/seal/index.ts';
import { forgeStore } from '../support/forge.ts';
import { atTerminal, KEYS, plain } from '../support/pty.ts';
import { destroyKeys, generateRsaPair, importKey, importRsaPair } from '../support/softhsm.ts';
import {
  configuration,
  contextOf,
  makeStand,
  OWN_ROWS,
  readRows,
  writeRows,
  type Outcome,
  type Stand,
  type StandOptions,
} from '../support/store.ts';

/** Whoever can write the file decides nothing: which keys open a store, the configuration says. */

const stands: Stand[] = [];
afterEach(() => {
  for (const stand of stands.splice(0)) stand.remove();
});

function stood(options: StandOptions = {}): Stand {
  const stand = makeStand(options);
  stands.push(stand);
  return stand;
}

/** The configuration without the lines that match, and with others. */
function reconfigure(stand: Stand, without: RegExp, lines = '', top = ''): void {
  const kept = configuration(stand, { top })
    .split('\n')
    .filter((line) => !without.test(line));
  stand.write('coffer.hcl', kept.join('\n').replace('generate_key', `${lines}\n  generate_key`));
}

function failure({ status, stderr }: Outcome): { status: number | null; code: string; message: string; hint: string } {
  const { code, errors } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { code: string; errors: string[] };
  return { status, code, message: errors[0] ?? '', hint: errors[1] ?? '' };
}

const fails = (stand: Stand, ...args: string[]) => failure(stand.run([...args, '-format=json']));

function record(stand: Stand): Buffer {
  return readRows(stand.path).find(({ path }) => path === 'core/record')?.value ?? Buffer.alloc(0);
}

function withHeader(
  bytes: Uint8Array,
  change: (was: { wraps: readonly Wrap[]; macStanza: MacStanza | null }) => {
    wraps: readonly Wrap[];
    macStanza: MacStanza | null;
  },
): Uint8Array {
  const read = readRecord(bytes, 'it');
  const { wraps, macStanza } = change(read);
  return Buffer.concat([encodeHeader(read.context, wraps, macStanza), bytes.subarray(read.header.length)]);
}

const NO_SHARES = { shares: 0, threshold: 0, verifier: null } as const;

describe('a store forged under keys of another application', () => {
  const aes = randomBytes(32);
  const mac = randomBytes(32);
  const label = 'evil\x1b[2J\u202e';

  async function forged(): Promise<Stand> {
    const stand = stood();
    stand.open();
    importKey(stand.hsm, { label, id: '0a', type: 'aes', value: aes });
    importKey(stand.hsm, { label: `${label}-mac`, id: '0b', type: 'generic', value: mac });
    writeRows(stand.path, {
      [OWN_ROWS.lease]: null,
      ...(await forgeStore({
        wrap: { label, id: '0a', aes },
        mac: { label: `${label}-mac`, id: '0b', value: mac },
        recovery: NO_SHARES,
      })),
    });
    return stand;
  }

  it('is opened by nothing, and rewrap does not launder it', async () => {
    const stand = await forged();
    for (const args of [['unseal'], ['operator', 'diagnose']])
      expect(stand.run(args), args.join(' ')).toMatchObject({ status: 4 });
    reconfigure(stand, /^$/, '', 'auto_unseal = true');
    const before = record(stand);
    for (const args of [
      ['unseal'],
      ['secrets', 'list'],
      ['secrets', 'enable', 'kv'],
      ['rotate'],
      ['sealwrap', 'status'],
      ['sealwrap', 'rewrap'],
    ]) {
      expect(fails(stand, ...args), args.join(' ')).toMatchObject({ status: 4, code: 'key_not_configured' });
    }
    expect(record(stand)).toEqual(before);
  });

  it('gives its name as what it claims, shown and not sent, and no line to paste', async () => {
    const stand = await forged();
    for (const { message, hint } of [fails(stand, 'unseal')]) {
      expect(message).toContain(
        String.raw`the store's own record claims an HMAC by the HSM key with label "evil\x1b[2J\u202e-mac" and id 0b, which the configuration does not name`,
      );
      expect(hint).not.toMatch(/evil|0b|=/);
      expect(hint).toContain('previous_hmac_key_label');
    }
  });

  it('is opened where the configuration names the keys: that is what is trusted', async () => {
    const stand = await forged();
    const names = { COFFER_HSM_PREVIOUS_KEY_ID: '0a', COFFER_HSM_PREVIOUS_HMAC_KEY_LABEL: `${label}-mac` };
    expect(stand.run(['unseal'], { env: names })).toMatchObject({ status: 0 });
  });
});

describe('a record that no HMAC vouches for', () => {
  function alone(): Stand {
    const stand = stood();
    reconfigure(stand, /hmac_key_label/);
    stand.open();
    return stand;
  }

  it.each([
    ['label', (wrap: Wrap): Wrap => ({ ...wrap, keyLabel: 'hsm_demx' })],
    ['id', (wrap: Wrap): Wrap => ({ ...wrap, keyId: wrap.keyId.map((byte) => byte ^ 1) })],
  ])('is altered, exit 4, where its %s is', (_name, change) => {
    const stand = alone();
    writeRows(stand.path, {
      'core/record': withHeader(record(stand), ({ wraps, macStanza }) => ({ wraps: wraps.map(change), macStanza })),
    });
    expect(fails(stand, 'secrets', 'list')).toMatchObject({ status: 4 });
  });

  it('under an RSA key has its note also where the key was merely found to be RSA', () => {
    const stand = stood();
    reconfigure(stand, /hmac_key_label/);
    generateRsaPair(stand.hsm, { label: 'hsm_demo', id: '05' });
    for (const args of [['init', '-recovery-shares=0', '-recovery-threshold=0'], ['unseal'], ['secrets', 'list']]) {
      const { status, stderr } = stand.run(args);
      expect(
        { status, notes: stderr.split('\n').filter((line) => line.includes('whoever has the public key')).length },
        args.join(' '),
      ).toEqual({ status: 0, notes: 1 });
    }
  });

  it('does not choose an RSA pair that has the name of the AES key', async () => {
    const stand = alone();
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    importRsaPair(stand.hsm, { label: 'hsm_demo', id: '0c' }, pair.privateKey);
    writeRows(stand.path, {
      [OWN_ROWS.lease]: null,
      ...(await forgeStore({
        wrap: { label: 'hsm_demo', id: '0c', rsa: pair.publicKey },
        mac: null,
        recovery: NO_SHARES,
      })),
    });
    expect(fails(stand, 'unseal')).toMatchObject({ status: 3, code: 'key_ambiguous' });
  });
});

describe('the keys of the stanza', () => {
  it('may have one label: class and type tell them apart', () => {
    const stand = stood();
    reconfigure(stand, /key_label/, '  key_label = "one"\n  hmac_key_label = "one"');
    stand.open();
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=c');
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
    const { keys } = JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as {
      keys: { type: string; seal: string[] }[];
    };
    expect(keys.map(({ type, seal }) => [type, seal]).sort()).toEqual([
      ['AES', ['wrapping']],
      ['GENERIC_SECRET', ['hmac']],
    ]);
    for (const args of [
      ['hsm', 'keygen'],
      ['hsm', 'test'],
      ['sealwrap', 'rewrap'],
      ['operator', 'diagnose'],
    ])
      expect(stand.run(args), args.join(' ')).toMatchObject({ status: 0 });
  });

  it('may have twins of one label and id, and the hint says how to tell and remove one', () => {
    const stand = stood();
    stand.open();
    importKey(stand.hsm, { label: 'twin', id: '07', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'twin', id: '07', type: 'aes', value: randomBytes(32) });
    reconfigure(stand, / key_label/, '  key_label = "twin"\n  previous_key_label = "hsm_demo"');
    const { status, code, hint } = fails(stand, 'sealwrap', 'rewrap');
    expect({ status, code }).toEqual({ status: 3, code: 'key_ambiguous' });
    expect(hint).toMatch(/the same label and id[^]*another id[^]*diagnose[^]*Remove the other/);
  });

  it('an HMAC key made again under its old name is offered as a reading beside tampering', async () => {
    const stand = stood();
    stand.open();
    expect(destroyKeys(stand.hsm, 'hsm_hmac_demo')).toBe(1);
    stand.ok('hsm', 'keygen');
    const { status, code, message, hint } = fails(stand, 'secrets', 'list');
    expect({ status, code }).toEqual({ status: 4, code: 'record_altered' });
    expect(message).toMatch(
      /was tampered with, or the HMAC key was made anew: .* is not the one of label "hsm_hmac_demo" and id [0-9a-f]{32} that it claims/,
    );
    expect(hint).toContain('made again under its old name');
  });
});

describe('the keyring', () => {
  const listed = async (stand: Stand): Promise<string[]> =>
    withSeal(await contextOf(stand), false, async (seal) =>
      (await openKeys(seal, record(stand))).keyring.hsmKeys.map(({ role, label }) => `${role} ${label}`).sort(),
    );

  it('lists every HSM key that ever served the store, from init and rewrap', async () => {
    const stand = stood();
    stand.open();
    expect(await listed(stand)).toEqual(['hmac hsm_hmac_demo', 'wrap hsm_demo']);
    stand.ok('hsm', 'keygen', '-label=hsm_next');
    reconfigure(stand, / key_label/, '  key_label = "hsm_next"\n  previous_key_label = "hsm_demo"');
    stand.ok('sealwrap', 'rewrap');
    reconfigure(stand, / key_label/, '  key_label = "hsm_next"');
    stand.ok('rotate');
    expect(await listed(stand)).toEqual(['hmac hsm_hmac_demo', 'wrap hsm_demo', 'wrap hsm_next']);
  });

  it('is brought up to date by rewrap although the record is under the keys in use', async () => {
    const stand = stood();
    stand.open();
    stand.ok('hsm', 'keygen', '-label=older');
    reconfigure(stand, /^$/, '  previous_key_label = "older"');
    expect(stand.ok('sealwrap', 'rewrap')).toContain('Everything was under the configured keys already');
    expect(await listed(stand)).toContain('wrap older');
  });
});

describe('a managed key of transit', () => {
  const manage = (stand: Stand, name: string, ...by: string[]) =>
    fails(stand, 'write', `transit/keys/${name}`, 'type=managed_key', ...by);

  it('is none of the keys that the configuration names, by label or by id, nor a new one of that label', () => {
    const stand = stood({
      seal: 'previous_key_label = "was"\n  previous_hmac_key_id = "0d"\n  default_key_label = "fallback"',
    });
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
    for (const [label, id] of [
      ['was', '0a'],
      ['called-so', '0d'],
      ['fallback', '0e'],
    ] as const) {
      importKey(stand.hsm, { label, id, type: 'aes', value: randomBytes(32) });
      expect(manage(stand, 'a', `managed_key_name=${label}`), label).toMatchObject({ status: 3, code: 'seal_key' });
      expect(manage(stand, 'a', `managed_key_id=${id}`), id).toMatchObject({ status: 3, code: 'seal_key' });
    }
    expect(manage(stand, 'a', 'managed_key_name=hsm_demo')).toMatchObject({ code: 'seal_key' });
    destroyKeys(stand.hsm, 'was');
    expect(manage(stand, 'a', 'managed_key_name=was', 'generate=true', 'key_type=aes256')).toMatchObject({
      code: 'seal_key',
    });
  });

  it('is none that served before, so that nobody decrypts the root key of an old copy after a rotation', () => {
    const stand = stood();
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
    stand.ok('hsm', 'keygen', '-label=hsm_next');
    reconfigure(stand, / key_label/, '  key_label = "hsm_next"\n  previous_key_label = "hsm_demo"');
    stand.ok('sealwrap', 'rewrap');
    reconfigure(stand, / key_label/, '  key_label = "hsm_next"');
    expect(manage(stand, 'stolen', 'managed_key_name=hsm_demo')).toMatchObject({ status: 3, code: 'seal_key' });
  });

  it('is refused at each use where the seal has come to use its object', () => {
    const stand = stood();
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
    stand.ok(
      'write',
      'transit/keys/orders',
      'type=managed_key',
      'managed_key_name=orders',
      'generate=true',
      'key_type=aes256',
    );
    const ciphertext = stand.ok('write', '-field=ciphertext', 'transit/encrypt/orders', 'plaintext=aGVsbG8=');
    reconfigure(stand, / key_label/, '  key_label = "orders"\n  previous_key_label = "hsm_demo"');
    for (const args of [
      ['write', 'transit/encrypt/orders', 'plaintext=aGVsbG8='],
      ['write', 'transit/decrypt/orders', `ciphertext=${ciphertext}`],
    ]) {
      expect(fails(stand, ...args), args.join(' ')).toMatchObject({ status: 3, code: 'seal_key' });
    }
  });

  it('is no second object with the private key of the seal', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const stand = stood();
    importRsaPair(stand.hsm, { label: 'hsm_demo', id: '01' }, privateKey);
    importRsaPair(stand.hsm, { label: 'copy', id: '02' }, privateKey);
    stand.open();
    stand.ok('secrets', 'enable', 'transit');
    expect(manage(stand, 'copy', 'managed_key_name=copy')).toMatchObject({ status: 3, code: 'seal_key' });
  });
});

describe('store_id', () => {
  it('refuses any other store, by every command, before anything of it is used', () => {
    const stand = stood({ shim: true });
    stand.open();
    const id = stand.ok('status', '-field=store_id');
    reconfigure(stand, /^$/, '', `store_id = "${id.toUpperCase()}"`);
    expect(stand.run(['secrets', 'list'])).toMatchObject({ status: 0 });
    reconfigure(stand, /^$/, '', 'store_id = "00000000-0000-4000-8000-000000000000"');
    stand.shim?.clear();
    for (const args of [
      ['unseal'],
      ['status'],
      ['seal'],
      ['secrets', 'list'],
      ['sealwrap', 'status'],
      ['rotate'],
      ['init'],
      ['init', '-status'],
    ]) {
      expect(fails(stand, ...args), args.join(' ')).toMatchObject({ status: 4, code: 'store_replaced' });
    }
    expect(stand.shim?.calls().filter((call) => call === 'C_Login')).toEqual([]);
    const { status, stdout } = stand.run(['operator', 'diagnose']);
    expect({ status, said: stdout.includes('is not the store that store_id names') }).toEqual({
      status: 4,
      said: true,
    });
  });

  it('is refused by init: a new store has an id of its own', () => {
    const stand = stood({ top: 'store_id = "00000000-0000-4000-8000-000000000000"' });
    expect(fails(stand, 'init')).toMatchObject({ status: 1, code: 'store_id' });
  });
});

describe('sealwrap rewrap -add-hmac', () => {
  /** A store with shares under an RSA key without an HMAC, and the configuration with one. */
  function rsaStore(): { stand: Stand; shares: string[]; publicKey: ReturnType<typeof createPublicKey> } {
    const stand = stood();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    importRsaPair(stand.hsm, { label: 'hsm_demo', id: '01' }, privateKey);
    reconfigure(stand, /hmac_key_label/);
    const { recovery_keys_b64: shares } = JSON.parse(
      stand.ok('init', '-recovery-shares=3', '-recovery-threshold=2', '-format=json'),
    ) as { recovery_keys_b64: string[] };
    stand.ok('unseal');
    stand.ok('hsm', 'keygen', '-type=hmac', '-label=hsm_hmac_demo');
    reconfigure(stand, /^$/, '', 'auto_unseal = true');
    return { stand, shares, publicKey };
  }

  const adopt = (stand: Stand, shares: readonly string[], ...flags: string[]) =>
    stand.run(['sealwrap', 'rewrap', '-add-hmac', '-format=json', ...flags], { input: `${shares.join('\n')}\n` });

  it('takes the true store with a quorum', () => {
    const { stand, shares } = rsaStore();
    expect(adopt(stand, [shares[2] ?? '', Buffer.from(shares[0] ?? '', 'base64').toString('hex')])).toMatchObject({
      status: 0,
    });
    expect(stand.run(['secrets', 'list'])).toMatchObject({ status: 0 });
  });

  it('refuses a store made with the public key, whatever it says of its shares', async () => {
    const { stand, shares, publicKey } = rsaStore();
    const wrap = { label: 'hsm_demo', id: '01', rsa: publicKey };
    for (const recovery of [
      { shares: 3, threshold: 2, verifier: randomBytes(32) },
      { shares: 3, threshold: 3, verifier: randomBytes(32) },
    ]) {
      writeRows(stand.path, { [OWN_ROWS.lease]: null, ...(await forgeStore({ wrap, mac: null, recovery })) });
      const before = record(stand);
      expect(failure(adopt(stand, shares.slice(0, recovery.threshold)))).toMatchObject({
        status: 4,
        code: 'recovery_shares_wrong',
      });
      expect(failure(adopt(stand, shares.slice(0, recovery.threshold), '-force'))).toMatchObject({
        status: 4,
        code: 'recovery_shares_wrong',
      });
      expect(record(stand)).toEqual(before);
    }
    writeRows(stand.path, { [OWN_ROWS.lease]: null, ...(await forgeStore({ wrap, mac: null, recovery: NO_SHARES })) });
    expect(failure(adopt(stand, shares))).toMatchObject({
      status: 2,
      code: 'no_recovery_shares',
      hint: expect.stringContaining('if yours has shares, this is not yours') as string,
    });
  });

  it('takes a store without shares with -force, and says what is trusted then', () => {
    const stand = stood();
    reconfigure(stand, /hmac_key_label/);
    stand.open();
    stand.ok('hsm', 'keygen', '-type=hmac', '-label=hsm_hmac_demo');
    reconfigure(stand, /^$/);
    expect(failure(adopt(stand, []))).toMatchObject({ status: 2, code: 'no_recovery_shares' });
    const { status, stderr } = stand.run(['sealwrap', 'rewrap', '-add-hmac', '-force']);
    expect({ status, said: /^note: -force: no shares vouch .* whoever could write to the file/.test(stderr) }).toEqual({
      status: 0,
      said: true,
    });
  });

  it('asks on a terminal, hides what is typed and says how many are still needed', async () => {
    const { stand, shares } = rsaStore();
    const typist = atTerminal(stand, 'coffer sealwrap rewrap -add-hmac > out');
    await typist.shows('2 still needed');
    typist.type(`${shares[1] ?? ''}${KEYS.enter}`);
    await typist.shows('1 still needed');
    typist.type(`${shares[1] ?? ''}${KEYS.enter}`);
    await typist.shows(/it was given already[^]*1 still needed/);
    typist.type(`${shares[0] ?? ''}${KEYS.enter}`);
    expect(await typist.ends).toBe(0);
    for (const share of shares) expect(plain(typist.screen())).not.toContain(share);
  });
});
