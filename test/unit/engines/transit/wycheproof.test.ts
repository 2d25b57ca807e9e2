import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CofferError } from '../../../../src/errors.ts';
import { b64, unb64 } from '../../../support/encoding.ts';
import { mount, type Mount, vaultBackup } from './support.ts';

/*
 * Project Wycheproof's vectors, through the engine as a caller has it. What its authors call "acceptable" coffer refuses:
 * there is one such kind, a DigestInfo without the NULL of its parameters, and RFC 8017 section 9.2 has the NULL.
 */

type Result = 'valid' | 'invalid' | 'acceptable';

interface Group<Key> {
  readonly source: string;
  readonly type: string;
  /** The hash of MGF1. transit has the one that the message has. */
  readonly mask?: string;
  readonly keys: readonly Key[];
}

interface Signed extends Group<{
  readonly public: string;
  readonly tests: readonly [number, string, string, Result][];
}> {
  readonly request: { readonly [name: string]: string };
}

type Encrypted = Group<{
  readonly private: string;
  readonly tests: readonly [number, string, string, string, Result][];
}>;

function vectors(name: string): unknown {
  const { groups } = JSON.parse(
    readFileSync(new URL(`../../../../fixtures/wycheproof/${name}.json`, import.meta.url), 'utf8'),
  ) as { groups: unknown };
  return groups;
}

async function withPublicKey(type: string, spki: string): Promise<Mount> {
  const transit = mount();
  await transit.write('keys/k/import', {
    type,
    public_key: `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n`,
  });
  return transit;
}

/** The answer to verify/. */
async function verdict(transit: Mount, { request }: Signed, input: string, signature: string): Promise<unknown> {
  const text =
    request['marshaling_algorithm'] === 'jws' ? Buffer.from(signature, 'base64').toString('base64url') : signature;
  return (await transit.write('verify/k', { ...request, input, signature: `vault:v1:${text}` }))['valid'];
}

/** The same over a digest that was made before. */
async function prehashedVerdict(transit: Mount, group: Signed, input: string, signature: string): Promise<unknown> {
  const [, family, bits] = /^(sha\d)-?(\d+)?$/.exec(group.request['hash_algorithm'] ?? '') ?? [];
  const hash = family === 'sha3' ? `sha3-${bits ?? ''}` : `sha${bits ?? '1'}`;
  const digest = createHash(hash).update(Buffer.from(input, 'base64')).digest();
  return verdict(transit, { ...group, request: { ...group.request, prehashed: 'true' } }, b64(digest), signature);
}

/** Every test of the group that does not come out as it should. */
async function wrong(group: Signed, verify: typeof verdict): Promise<unknown[]> {
  const found: unknown[] = [];
  const suits = group.mask === undefined || group.mask === group.request['hash_algorithm'];
  for (const { public: spki, tests } of group.keys) {
    const transit = await withPublicKey(group.type, spki);
    for (const [tcId, message, signature, result] of tests) {
      const expected = result === 'valid' && suits;
      const answered = await verify(transit, group, message, signature);
      if (answered !== expected) found.push({ tcId, result, answered });
    }
  }
  return found;
}

describe.each(['ecdsa', 'rsa-pkcs1', 'rsa-pss'])('%s verification', (name) => {
  const groups = vectors(name) as readonly Signed[];
  const sources = new Set(groups.map(({ source }) => source));

  it.each([...sources])('judges the signatures of %s, over messages and over digests', async (source) => {
    for (const group of groups.filter((each) => each.source === source)) {
      expect([group.request, await wrong(group, verdict)]).toEqual([group.request, []]);
      expect([group.request, await wrong(group, prehashedVerdict)]).toEqual([group.request, []]);
    }
  });
});

describe('ed25519 verification', () => {
  it.each(vectors('ed25519') as readonly Signed[])('judges the signatures of $source', async (group) => {
    expect(await wrong(group, verdict)).toEqual([]);
  });
});

describe('rsa-oaep decryption', () => {
  /** What comes out, in base64; null for a ciphertext that is refused. */
  async function decrypted(transit: Mount, ciphertext: string): Promise<unknown> {
    try {
      return (await transit.write('decrypt/k', { ciphertext: `vault:v1:${ciphertext}` }))['plaintext'];
    } catch (error) {
      if (error instanceof CofferError && error.code === 'ciphertext_invalid') return null;
      throw error;
    }
  }

  it.each(vectors('rsa-oaep') as readonly Encrypted[])(
    'gives the plaintexts of $source and no others',
    async ({ type, mask, keys }) => {
      for (const { private: pkcs8, tests } of keys) {
        const transit = mount();
        await transit.write('restore/k', { backup: rsaBackup(type, pkcs8) });
        for (const [tcId, message, ciphertext, label, result] of tests) {
          // transit has no labels, and SHA-256 for the mask as for the hash.
          const expected = result === 'valid' && label === '' && mask === 'sha2-256' ? message : null;
          expect([tcId, await decrypted(transit, ciphertext)]).toEqual([tcId, expected]);
        }
      }
    },
  );
});

function rsaBackup(type: string, pkcs8: string): string {
  const jwk = createPrivateKey({ key: unb64(pkcs8), format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
  const integer = (value: string | undefined) =>
    BigInt(`0x${Buffer.from(value ?? '', 'base64url').toString('hex')}`).toString();
  const { n, e, d, p, q } = jwk;
  const key = `{"N":${integer(n)},"E":${integer(e)},"D":${integer(d)},"Primes":[${integer(p)},${integer(q)}]}`;
  return vaultBackup(type, { rsa_key: key, hmac_key: null });
}
