import type { Attribute } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { hasCode, HsmError } from '../errors.ts';
import { CKA, CKM, CKO } from './constants.ts';
import { destroyIfThere } from './destroy.ts';
import { CryptokiError } from './errors.ts';
import { keyLeft, orNothing, requireAsAsked, wrongKey } from './made-key.ts';
import type { OpenSession } from './open.ts';
import { foregroundCipher } from './run.ts';
import { keySubject, names, newId, secretAttributes, subject } from './template.ts';
import type { GeneratedKey, GeneratedKind, Key, Proof } from './types.ts';
import { aesWrappingWays, hmacWays, isWayRefused, rsaWrappingWays, servingWays, type Way } from './ways.ts';

/** What a key is called, and what it must be able to do. */
interface Wanted {
  readonly label: string;
  /** Null for a random one. */
  readonly id: Uint8Array | null;
  readonly prove: Proof;
}

/** AES-256 for wrapping, which can never leave the token. */
export function generateAesKey(session: OpenSession, wanted: Wanted): GeneratedKey {
  return generate(session, aesWrappingWays(), wanted);
}

/** A key for an HMAC, which can never leave the token. */
export function generateHmacKey(session: OpenSession, label: string, id: Uint8Array | null): GeneratedKey {
  return generate(session, hmacWays(), { label, id, prove: (key) => proveHmac(session, key) });
}

/** RSA for wrapping. @returns the private key */
export function generateRsaKey(session: OpenSession, bits: number, wanted: Wanted): GeneratedKey {
  return generate(session, rsaWrappingWays(bits), wanted);
}

/** The secret half can never leave the token, and does nothing but encrypt, decrypt or sign: no wrapping of other keys. */
export function generateKey(session: OpenSession, kind: GeneratedKind, wanted: Wanted): GeneratedKey {
  return generate(session, servingWays(kind), wanted);
}

/** Gives a key another CKA_ID. */
export function setId({ module, handle }: OpenSession, key: Key, id: Uint8Array): void {
  const template = [{ type: CKA.ID, value: asBuffer(id) }];
  module.call('C_SetAttributeValue', (api) => api.C_SetAttributeValue(handle, key.handle, template), keySubject(key));
}

/**
 * Goes the ways until one leads to the key that is wanted. What another way leads to is removed before the next.
 * @throws HsmError of the first way; where a way led to another key, of that
 */
function generate(session: OpenSession, ways: readonly Way[], wanted: Wanted): GeneratedKey {
  const id = wanted.id ?? newId();
  let refusal: HsmError | null = null;
  for (const way of ways) {
    try {
      return generateOne(session, way, { ...wanted, id });
    } catch (error) {
      const isOther = hasCode(error, HsmError, 'hsm_wrong_answer');
      if (!isOther && !isWayRefused(error)) throw error;
      if (refusal === null || (isOther && refusal instanceof CryptokiError)) refusal = error;
    }
  }
  throw refusal ?? new RangeError('there is a way to go');
}

type Named = Wanted & { readonly id: Uint8Array };

function generateOne(session: OpenSession, way: Way, wanted: Named): GeneratedKey {
  const made = call(session, way, wanted);
  try {
    const key = { ...made, id: requireAsAsked(session, made) };
    wanted.prove(key);
    return key;
  } catch (error) {
    remove(session, made, error);
    throw error;
  }
}

/** C_GenerateKey or C_GenerateKeyPair. */
function call(session: OpenSession, way: Way, { label, id }: Named): GeneratedKey {
  const { module } = session;
  const { mechanism, type } = way;
  const kind = { type: CKA.KEY_TYPE, value: type };
  const about = subject(mechanism, label);
  const own = (objectClass: number): Attribute[] => [
    { type: CKA.CLASS, value: objectClass },
    kind,
    ...secretAttributes(label, id),
    ...way.secret,
  ];
  if (way.public === null) {
    const template = own(CKO.SECRET_KEY);
    const key = orNothing(session, ['secret'], { label, id }, () =>
      module.call('C_GenerateKey', (api) => api.C_GenerateKey(session.handle, { mechanism }, template), about),
    );
    return { handle: key, class: 'secret', type, label, id, publicHalf: null };
  }
  const publicTemplate = [
    { type: CKA.CLASS, value: CKO.PUBLIC_KEY },
    kind,
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: false },
    ...names(label, id),
    ...way.public,
  ];
  const template = own(CKO.PRIVATE_KEY);
  const pair = orNothing(session, ['private', 'public'], { label, id }, () =>
    module.call(
      'C_GenerateKeyPair',
      (api) => api.C_GenerateKeyPair(session.handle, { mechanism }, publicTemplate, template),
      about,
    ),
  );
  return { handle: pair.privateKey, class: 'private', type, label, id, publicHalf: pair.publicKey };
}

/** The private half first, without which the public does no harm. @throws HsmError `key_left` */
function remove(session: OpenSession, { label, id, handle, publicHalf }: GeneratedKey, reason: unknown): void {
  try {
    for (const half of publicHalf === null ? [handle] : [handle, publicHalf])
      destroyIfThere(session, { handle: half, label });
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    throw keyLeft({ label, id }, reason);
  }
}

function proveHmac(session: OpenSession, key: GeneratedKey): void {
  const cipher = foregroundCipher(session);
  const mechanism = { type: CKM.SHA256_HMAC };
  const message = new Uint8Array(1);
  const isRight = cipher.verify(key, mechanism, message, cipher.sign(key, mechanism, message));
  if (!isRight) throw wrongKey(key, 'it does not verify what it signed');
}
