import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import type { EngineContext } from '../engine.ts';
import { generateEcFrom } from './generate-ec.ts';
import { generateRsaFrom } from './generate-rsa.ts';
import type { KeyVersion, Material } from './key.ts';
import { ed25519PrivateKey } from './material.ts';
import { type EcType, HMAC_KEY_BYTES, type KeyType, type RsaType } from './types.ts';

const HMAC_BYTES = 32;
const SEED_BYTES = 32;

/**
 * A new version of a key. Raw keys and ed25519 seeds are bytes of the mount's entropy. So are EC and RSA keys where
 * the entropy is external; elsewhere OpenSSL's generator makes those two.
 * @param size bytes of a key whose type leaves a choice; 0 for the default
 */
export async function generateVersion(context: EngineContext, type: KeyType, size: number): Promise<KeyVersion> {
  return withHmacKey(context, await generateSecret(context, type, size));
}

/** A version made now, with the key for hmac/ that each has. */
export async function withHmacKey(context: EngineContext, material: Material): Promise<KeyVersion> {
  return { created: context.now, ...material, hmac: await context.entropy.bytes(HMAC_BYTES) };
}

async function generateSecret(context: EngineContext, type: KeyType, size: number): Promise<Material> {
  const { entropy, externalEntropy } = context;
  switch (type.family) {
    case 'aead':
      return { key: await entropy.bytes(type.keyBytes), public: null };
    case 'hmac':
      return { key: await entropy.bytes(size || HMAC_KEY_BYTES.default), public: null };
    case 'ed25519': {
      const seed = await entropy.bytes(SEED_BYTES);
      return { key: seed, public: publicOf(ed25519PrivateKey(seed)) };
    }
    case 'ec':
      return exported(externalEntropy ? await generateEcFrom(entropy, type) : await generateEc(type));
    case 'rsa':
      return exported(externalEntropy ? await generateRsaFrom(entropy, type.bits) : await generateRsa(type));
  }
}

/** PKCS#8, the caller's to zero, and SubjectPublicKeyInfo of a private key, in DER. */
export function exported(key: KeyObject): { key: Uint8Array; public: Uint8Array } {
  return { key: key.export({ type: 'pkcs8', format: 'der' }), public: publicOf(key) };
}

/** SubjectPublicKeyInfo in DER. */
export function publicOf(key: KeyObject): Uint8Array {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
}

async function generateEc({ opensslCurve }: EcType): Promise<KeyObject> {
  return privateKeyOf((done) => generateKeyPair('ec', { namedCurve: opensslCurve }, done));
}

async function generateRsa({ bits }: RsaType): Promise<KeyObject> {
  return privateKeyOf((done) => generateKeyPair('rsa', { modulusLength: bits, publicExponent: 65_537 }, done));
}

type Done = (error: Error | null, publicKey: KeyObject, privateKey: KeyObject) => void;

function privateKeyOf(start: (done: Done) => void): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    start((error, _, privateKey) => (error === null ? resolve(privateKey) : reject(error)));
  });
}
