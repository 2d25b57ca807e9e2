import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hintText } from '../../../../src/cli/remedies.ts';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, unb64 } from '../../../support/encoding.ts';
import { mount } from './support.ts';

// Versions within a backup that contradict each other, or themselves.

const KEY = b64(Buffer.alloc(32, 7));
const OTHER = b64(Buffer.alloc(32, 8));
const AES = { key: KEY, hmac_key: KEY };

/** JSON text of an entry, so that integers of any size are written in full. */
type EntryText = string;

function backup(
  keys: { readonly [version: string]: EntryText },
  policy: JsonObject = {},
  archive: readonly EntryText[] | null = null,
): string {
  const settings = JSON.stringify({
    name: 'k',
    type: 0,
    latest_version: 1,
    min_decryption_version: 1,
    ...policy,
  }).slice(1);
  const members = Object.entries(keys).map(([version, entry]) => `${JSON.stringify(version)}:${entry}`);
  const archived = archive === null ? 'null' : `{"keys":[${archive.join(',')}]}`;
  return b64(`{"policy":{"keys":{${members.join(',')}},${settings},"archived_keys":${archived}}`);
}

const entry = (members: JsonObject): EntryText => JSON.stringify(members);

async function refusal(text: string): Promise<string> {
  const transit = mount();
  const error = await transit.failure('write', 'restore', { backup: text });
  expect(error).toMatchObject({ code: 'bad_backup', exitStatus: 1 });
  expect(error.message + hintText(error.hint ?? ''), 'no key material').not.toMatch(/[A-Za-z0-9+/]{20}|\d{9}/);
  expect(transit.rows()).toEqual([]);
  return error.message;
}

interface Pair {
  readonly type: number;
  readonly whole: JsonObject;
  readonly half: JsonObject;
  /** As a server writes `public_key`. */
  readonly publicKey: string;
}

/** A pair in the members that the servers have for it; integers come as text that `raw` writes as numbers. */
function pairOf(kind: 'ed25519' | 'ec' | 'rsa'): Pair {
  if (kind === 'ed25519') {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(16, 48);
    return {
      type: 2,
      whole: { key: b64(Buffer.concat([seed, raw])) },
      half: { public_key: b64(raw) },
      publicKey: b64(raw),
    };
  }
  const { privateKey, publicKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const { x, y, d, n, e, p, q } = numbersOf(privateKey);
  if (kind === 'ec')
    return { type: 1, whole: { ec_x: x, ec_y: y, ec_d: d }, half: { ec_x: x, ec_y: y }, publicKey: pem };
  const half = { rsa_public_key: { N: n, E: e } };
  return { type: 3, whole: { rsa_key: { N: n, E: e, D: d, Primes: [p, q] } }, half, publicKey: pem };
}

function numbersOf(key: KeyObject): { [name in 'x' | 'y' | 'd' | 'n' | 'e' | 'p' | 'q']: string } {
  const jwk = key.export({ format: 'jwk' });
  const integer = (text: string | undefined) =>
    `#${BigInt(`0x${Buffer.from(text ?? 'AA', 'base64url').toString('hex')}`)}#`;
  return {
    x: integer(jwk.x),
    y: integer(jwk.y),
    d: integer(jwk.d),
    n: integer(jwk.n),
    e: integer(jwk.e),
    p: integer(jwk.p),
    q: integer(jwk.q),
  };
}

const raw = (members: JsonObject): EntryText => entry({ hmac_key: KEY, ...members }).replace(/"#(\d+)#"/g, '$1');

describe('the name of a version in a backup', () => {
  it.each(['01', '1.0', '+1', ' 1', '1 ', '1e0', '0x1', '-1', '0', '', 'latest', '__proto__'])(
    'is not %j, beside "1"',
    async (name) => {
      const message = await refusal(backup({ 1: entry(AES), [name]: entry({ key: OTHER, hmac_key: OTHER }) }));
      expect(message).toContain(`${JSON.stringify(name)} is not the number of a version`);
    },
  );

  it.each(['01', '1.0'])('is not %j alone', async (name) => {
    expect(await refusal(backup({ [name]: entry(AES) }))).toContain(JSON.stringify(name));
  });

  it('shows what a terminal would obey, and does not send it', async () => {
    expect(await refusal(backup({ 1: entry(AES), '\u001b[2J': entry(AES) }))).not.toContain('\u001b');
  });

  it('is a number beyond the latest only where it is told, from the archive too', async () => {
    const text = backup({ 1: entry(AES), 3: entry(AES) }, {}, [entry({}), entry(AES), entry(AES)]);
    expect((await mount().call('write', 'restore', { backup: text }))?.warnings).toEqual([
      'version "2" was not restored: it is none of the key\'s',
      'version "3" was not restored: it is none of the key\'s',
    ]);
  });
});

describe('a version that is among the keys and in the archive of a backup', () => {
  it('is taken where both are the same', async () => {
    const transit = mount();
    await transit.write('restore', {
      backup: backup({ 1: entry(AES) }, {}, [
        entry({}),
        entry({ ...AES, creation_time: 5, certificate_chain: ['MIIB'] }),
      ]),
    });
    expect(await transit.read('keys/k')).toMatchObject({ latest_version: 1 });
  });

  it.each([
    ['another key', { key: OTHER, hmac_key: KEY }, 'key'],
    ['another key for hmac/', { key: KEY, hmac_key: OTHER }, 'hmac_key'],
  ])('is refused where the archive has %s', async (_what, archived, member) => {
    const second = entry({ key: OTHER, hmac_key: OTHER });
    const text = backup({ 1: second, 2: entry(AES) }, { latest_version: 2 }, [entry({}), second, entry(archived)]);
    expect(await refusal(text)).toContain(`version 2: its ${member} in the archive is another`);
  });

  it('is refused where the archive, trimmed, has another', async () => {
    const text = backup(
      { 5: entry(AES), 6: entry(AES) },
      { latest_version: 6, min_decryption_version: 5, min_encryption_version: 5, min_available_version: 4 },
      [entry(AES), entry(AES), entry({ ...AES, key: OTHER })],
    );
    expect(await refusal(text)).toContain('version 6: its key in the archive is another');
  });

  it('is refused where the archive is malformed', async () => {
    expect(await refusal(backup({ 1: entry(AES) }, {}, [entry({}), entry({ ...AES, key: b64('short') })]))).toContain(
      'version 1',
    );
  });

  // A server leaves the archive as it was when a version gets its private key, or its key for hmac/, later.
  it.each(['ed25519', 'ec', 'rsa'] as const)(
    '(%s) may have less in the archive, and is refused where it has more or another',
    async (kind) => {
      const [{ type, whole, half, publicKey }, other] = [pairOf(kind), pairOf(kind)];
      const [full, part, foreign] = [
        raw({ ...whole, public_key: publicKey }),
        raw({ ...half, hmac_key: null }),
        raw(other.half),
      ];
      const transit = mount();
      await transit.write('restore', { backup: backup({ 1: full }, { type }, [entry({}), part]) });
      expect(await transit.write('sign/k', { input: 'YQ==' })).toMatchObject({ key_version: 1 });
      expect(await refusal(backup({ 1: full }, { type }, [entry({}), foreign]))).toContain(
        'version 1: its public key in the archive is another',
      );
      expect(await refusal(backup({ 1: part }, { type }, [entry({}), full]))).toContain(
        'version 1: its key in the archive is another',
      );
    },
  );

  it('may have no key for hmac/ in the archive, but not in the archive alone', async () => {
    const without = entry({ key: KEY, hmac_key: null });
    await mount().write('restore', { backup: backup({ 1: entry(AES) }, {}, [entry({}), without]) });
    expect(await refusal(backup({ 1: without }, {}, [entry({}), entry(AES)]))).toContain(
      'version 1: its hmac_key in the archive is another',
    );
  });
});

describe('the public_key of a version in a backup', () => {
  it.each(['ed25519', 'ec', 'rsa'] as const)(
    '(%s) is refused where it belongs to another private key',
    async (kind) => {
      const [{ type, whole, publicKey }, other] = [pairOf(kind), pairOf(kind)];
      await mount().write('restore', { backup: backup({ 1: raw({ ...whole, public_key: publicKey }) }, { type }) });
      const wrong = raw({ ...whole, public_key: other.publicKey });
      expect(await refusal(backup({ 1: wrong }, { type }))).toContain(
        'version 1: its public_key belongs to another private key',
      );
      const archived = backup({ 2: raw(whole) }, { type, latest_version: 2, min_decryption_version: 2 }, [
        entry({}),
        wrong,
        raw(whole),
      ]);
      expect(await refusal(archived)).toContain('version 1: its public_key belongs to another private key');
    },
  );

  it.each(['ec', 'rsa'] as const)(
    '(%s) is refused where there is a public key alone, and it is another',
    async (kind) => {
      const [{ type, half }, other] = [pairOf(kind), pairOf(kind)];
      expect(await refusal(backup({ 1: raw({ ...half, public_key: other.publicKey }) }, { type }))).toContain(
        'version 1: its public_key is another',
      );
    },
  );

  it('is refused where it is no public key of the type, or the type has none', async () => {
    const { type, whole } = pairOf('ec');
    expect(
      await refusal(backup({ 1: raw({ ...whole, public_key: pairOf('ed25519').publicKey }) }, { type })),
    ).toContain('version 1: its public_key is not');
    expect(await refusal(backup({ 1: raw({ ...whole, public_key: pairOf('rsa').publicKey }) }, { type }))).toContain(
      'version 1: its public_key is not',
    );
    expect(await refusal(backup({ 1: raw({ key: KEY, public_key: pairOf('ec').publicKey }) }))).toContain(
      'version 1: it has public_key',
    );
  });

  it('of a derived ed25519 key is that of what is derived from', async () => {
    const [{ type, whole, publicKey }, other] = [pairOf('ed25519'), pairOf('ed25519')];
    const policy = { type, derived: true, kdf: 1 };
    await mount().write('restore', { backup: backup({ 1: raw({ ...whole, public_key: publicKey }) }, policy) });
    expect(await refusal(backup({ 1: raw({ ...whole, public_key: other.publicKey }) }, policy))).toContain(
      'version 1: its public_key belongs to another',
    );
  });

  it('in the second half of an ed25519 key, in ec_x and ec_y, or in rsa_public_key belongs to the private key too', async () => {
    const [ed, ec, rsa] = [pairOf('ed25519'), pairOf('ec'), pairOf('rsa')];
    const swapped = Buffer.concat([unb64(ed.whole['key']).subarray(0, 32), unb64(pairOf('ed25519').publicKey)]);
    expect(await refusal(backup({ 1: raw({ key: b64(swapped) }) }, { type: ed.type }))).toContain(
      'version 1: its public key belongs to another private key',
    );
    const moved = { ...pairOf('ec').half, ec_d: ec.whole['ec_d'] ?? null };
    expect(await refusal(backup({ 1: raw(moved) }, { type: ec.type }))).toContain(
      'version 1: its public key belongs to another private key',
    );
    await mount().write('restore', { backup: backup({ 1: raw({ ...rsa.whole, ...rsa.half }) }, { type: rsa.type }) });
    const mixed = { ...rsa.whole, ...pairOf('rsa').half };
    expect(await refusal(backup({ 1: raw(mixed) }, { type: rsa.type }))).toContain(
      'version 1: its rsa_public_key belongs to another private key',
    );
  });
});

describe('a version of a backup', () => {
  it.each([
    [0, AES, { ec_d: 5 }, 'ec_d'],
    [0, AES, { rsa_key: { N: 15 } }, 'rsa_key'],
    [2, pairOf('ed25519').whole, { rsa_public_key: { N: 15 } }, 'rsa_public_key'],
  ])('of type %i is refused with material of another type', async (type, own, foreign, name) => {
    expect(await refusal(backup({ 1: raw({ ...own, ...foreign }) }, { type }))).toContain(`version 1: it has ${name}`);
  });

  it('that is malformed is named, and what is wrong with it', async () => {
    const policy = { latest_version: 2 };
    expect(await refusal(backup({ 1: entry(AES), 2: entry({ key: b64('short') }) }, policy))).toContain(
      'version 2: the key is not one of type aes256-gcm96: it has 5 bytes',
    );
    expect(await refusal(backup({ 1: entry(AES), 2: entry({ key: '%' }) }, policy))).toContain(
      'version 2: a field of it is missing or malformed',
    );
    expect(await refusal(backup({ 1: entry(AES) }, policy))).toContain('version 2 is missing');
  });

  it('comes back from what coffer writes, of every asymmetric type', async () => {
    for (const type of ['ed25519', 'ecdsa-p256', 'rsa-2048']) {
      const [from, to] = [mount(), mount()];
      await from.write('keys/k', { type, exportable: true, allow_plaintext_backup: true });
      await to.write('restore', { backup: (await from.read('backup/k'))['backup'] ?? '' });
      expect((await to.read('keys/k'))['keys']).toEqual((await from.read('keys/k'))['keys']);
    }
  });
});
