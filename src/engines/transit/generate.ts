import { createPublicKey, generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { base64, zero } from '../../bytes.ts';
import type { EngineContext } from '../engine.ts';
import { generateEcFrom } from './generate-ec.ts';
import { generateRsaFrom } from './generate-rsa.ts';
import type { KeyVersion } from './key.ts';
import { ed25519PrivateKey } from './material.ts';
import { HMAC_KEY_BYTES } from './types.ts';
import type { EcType, KeyType, RsaType } from './types.ts';

const HMAC_BYTES = 32;
const SEED_BYTES = 32;

/**
 * A new version of a key. Raw keys and ed25519 seeds are bytes of the mount's entropy. So are EC and RSA keys where
 * the entropy is external; elsewhere OpenSSL's generator makes those two.
 * @param size bytes of a key whose type leaves a choice; 0 for the default
 */
export async function generateVersion(context: EngineContext, type: KeyType, size: number): Promise<KeyVersion> {
  const secret = await generateSecret(context, type, size);
  return withHmacKey(context, secret);
}

/** A version made now, with the key for hmac/ that each has. */
export async function withHmacKey(context: EngineContext, material: Pick<KeyVersion, 'key' | 'public'>): Promise<KeyVersion> {
  return { created: context.now, ...material, hmac: await randomBase64(context, HMAC_BYTES) };
}

async function generateSecret(context: EngineContext, type: KeyType, size: number): Promise<Pick<KeyVersion, 'key' | 'public'>> {
  switch (type.family) {
    case 'aead':
      return { key: await randomBase64(context, type.keyBytes), public: null };
    case 'hmac':
      return { key: await randomBase64(context, size || HMAC_KEY_BYTES.default), public: null };
    case 'ed25519': {
      const seed = await randomBase64(context, SEED_BYTES);
      return { key: seed, public: publicOf(ed25519PrivateKey(Buffer.from(seed, 'base64'))) };
    }
    case 'ec':
      return exported(context.externalEntropy ? await generateEcFrom(context.entropy, type) : await generateEc(type));
    case 'rsa':
      return exported(context.externalEntropy ? await generateRsaFrom(context.entropy, type.bits) : await generateRsa(type));
  }
}

/** PKCS#8 and SubjectPublicKeyInfo of a private key. */
export function exported(key: KeyObject): { key: string; public: string } {
  const secret = key.export({ type: 'pkcs8', format: 'der' });
  const text = base64(secret);
  zero(secret);
  return { key: text, public: publicOf(key) };
}

export function publicOf(key: KeyObject): string {
  return base64((key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' }));
}

const generate = promisify(generateKeyPair);

async function generateEc({ opensslCurve }: EcType): Promise<KeyObject> {
  return (await generate('ec', { namedCurve: opensslCurve })).privateKey;
}

async function generateRsa({ bits }: RsaType): Promise<KeyObject> {
  return (await generate('rsa', { modulusLength: bits, publicExponent: 65_537 })).privateKey;
}

async function randomBase64({ entropy }: EngineContext, length: number): Promise<string> {
  const bytes = await entropy.bytes(length);
  const text = base64(bytes);
  zero(bytes);
  return text;
}
