import { constants, createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { GCM_IV_BYTES } from '../aead.ts';
import { asBuffer } from '../bytes.ts';
import { hasCode, HsmError } from '../errors.ts';
import type { HsmKeyDescription, HsmKeys, HsmKeyType, HsmSigning } from '../hsm-keys.ts';
import { CKM, type GeneratedKey, mechanismName, type Session, wrongKey } from '../pkcs11/index.ts';
import { failureOf } from './prove-key.ts';

/*
 * What a managed key is for, tried once when it is made or registered: an operator is to hear then, and not with the first ciphertext, that
 * the token lacks the mechanism.
 */

type Uses = Pick<HsmKeys, 'encrypt' | 'decrypt' | 'sign' | 'oaepHash'>;

const PROBE_BYTES = 32;

/**
 * @param make the mechanism that makes the key
 * @throws HsmError `mechanism_refused` for a type that the token cannot make, or does not use, by its own list
 */
export function refuseUnlisted(session: Session, type: HsmKeyType): void {
  const { make, use } = MECHANISMS[familyOf(type)];
  const lacking = session.lacksMechanism(make) ? [make] : use.every((each) => session.lacksMechanism(each)) ? use : [];
  if (lacking.length === 0) return;
  const problem = `token "${session.token.label}" cannot serve with a key of type ${type}: it has no ${lacking.map(mechanismName).join(', ')}`;
  throw new HsmError('mechanism_refused', problem, { hint: OTHER_TYPE });
}

/**
 * A key that is there may be kept from some uses by its attributes, which its owner chose: an AES key from encrypting.
 * @throws HsmError where the token does nothing with it that transit does
 */
export function requireUsable(uses: Uses, key: HsmKeyDescription): void {
  const [first = null, ...others] = trials(uses, key);
  const mayDecrypt = key.publicKey === null && !hasCode(first, HsmError, 'mechanism_refused');
  if (first !== null && !mayDecrypt && !others.includes(null)) throw first;
}

/** @throws HsmError `hsm_wrong_answer` for a new key that does not do what it was made for */
export function proveNew(uses: Uses, made: GeneratedKey, key: HsmKeyDescription): void {
  const failures = trials(uses, key);
  const [first = null, ...others] = failures;
  const isRefused = (failure: HsmError | null): boolean => hasCode(failure, HsmError, 'mechanism_refused');
  const wrong = failures.find((failure) => failure !== null && !isRefused(failure)) ?? null;
  const nothing = others.includes(null) ? null : first;
  const failure = wrong ?? nothing;
  if (failure !== null) throw wrongKey(made, failure.message, failure);
}

const OTHER_TYPE = '`coffer hsm mechanisms` lists what it has; choose another key_type, or leave type=managed_key out';

type Family = 'aes' | 'rsa' | 'ec';

const MECHANISMS: { readonly [family in Family]: { readonly make: number; readonly use: readonly number[] } } = {
  aes: { make: CKM.AES_KEY_GEN, use: [CKM.AES_GCM] },
  rsa: { make: CKM.RSA_PKCS_KEY_PAIR_GEN, use: [CKM.RSA_PKCS_OAEP, CKM.RSA_PKCS, CKM.RSA_PKCS_PSS] },
  ec: { make: CKM.EC_KEY_PAIR_GEN, use: [CKM.ECDSA] },
};

function familyOf(type: HsmKeyType): Family {
  if (type.startsWith('aes')) return 'aes';
  return type.startsWith('rsa') ? 'rsa' : 'ec';
}

/** What each use fails with; null for one that works. */
function trials(uses: Uses, key: HsmKeyDescription): (HsmError | null)[] {
  switch (familyOf(key.type)) {
    case 'aes':
      return [failureOf(() => opensAgain(uses, key))];
    case 'rsa':
      return [
        failureOf(() => signsRight(uses, key, { scheme: 'pkcs1v15' })),
        failureOf(() => signsRight(uses, key, { scheme: 'pss', hash: 'sha256', saltBytes: PROBE_BYTES })),
        failureOf(() => decryptsOaep(uses, key)),
      ];
    case 'ec':
      return [failureOf(() => signsRight(uses, key, { scheme: 'ecdsa' }))];
  }
}

function opensAgain(uses: Uses, key: HsmKeyDescription): boolean {
  const probe = new Uint8Array(randomBytes(PROBE_BYTES));
  const cipher = {
    scheme: 'gcm',
    iv: new Uint8Array(randomBytes(GCM_IV_BYTES)),
    associatedData: new Uint8Array(0),
  } as const;
  const opened = uses.decrypt(key, cipher, uses.encrypt(key, cipher, probe));
  return opened !== null && Buffer.compare(opened, probe) === 0;
}

function decryptsOaep(uses: Uses, key: HsmKeyDescription): boolean {
  if (uses.oaepHash(key) !== null) return true;
  throw new HsmError('mechanism_refused', `the HSM decrypts no RSA-OAEP with the key "${key.label}"`, {
    hint: OTHER_TYPE,
  });
}

/** DigestInfo of a SHA-256 digest, before the digest itself (RFC 8017 section 9.2, note 1). */
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

function signsRight(uses: Uses, key: HsmKeyDescription, signing: HsmSigning): boolean {
  const message = randomBytes(PROBE_BYTES);
  const digest = createHash('sha256').update(message).digest();
  const input = signing.scheme === 'pkcs1v15' ? Buffer.concat([SHA256_DIGEST_INFO, digest]) : digest;
  const signature = asBuffer(uses.sign(key, signing, new Uint8Array(input)));
  const publicKey = createPublicKey({ key: asBuffer(key.publicKey ?? new Uint8Array(0)), format: 'der', type: 'spki' });
  return verify('sha256', message, { key: publicKey, ...OPTIONS[signing.scheme] }, signature);
}

const OPTIONS = {
  pkcs1v15: { padding: constants.RSA_PKCS1_PADDING },
  pss: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: PROBE_BYTES },
  ecdsa: { dsaEncoding: 'ieee-p1363' },
} as const;
