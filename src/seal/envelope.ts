import { randomFillSync } from 'node:crypto';
import { KEY_BYTES } from '../aead.ts';
import { MalformedBytes, zero } from '../bytes.ts';
import { CofferError, hasCode, HsmError, IntegrityError } from '../errors.ts';
import { CKR, describeName, isReturnValue } from '../pkcs11/index.ts';
import {
  appendMac,
  decodeRecord,
  decryptBody,
  encodeBody,
  encodeHeader,
  macMessage,
  macMessageOf,
  RECORD_VERSION,
  type WrappedKeyRecord,
} from './record.ts';
import { isMalleable } from './method.ts';
import type { MacStanza, Seal, Wrap } from './seal.ts';

export interface Contents {
  /** K, 32 bytes, the caller's to zero. */
  readonly key: Uint8Array;
  readonly wraps: readonly Wrap[];
  readonly context: Uint8Array;
  readonly body: Uint8Array;
}

export interface Plain {
  readonly key: Uint8Array;
  /** Wraps of `key`: from Seal.wrapKey, or those of the record that this one replaces. */
  readonly wraps: readonly Wrap[];
  /** At most 65535 bytes, readable without a key. */
  readonly context: Uint8Array;
  readonly body: Uint8Array;
  /** Where the record is stored; it opens nowhere else. */
  readonly place: string;
}

/** Makes a wrapped-key record, with an HMAC from the HSM where the seal has an HMAC key. */
export async function sealRecord(seal: Seal, { key, wraps, context, body, place }: Plain): Promise<Uint8Array> {
  const maker = await seal.macMaker();
  const header = encodeHeader(context, wraps, maker?.stanza ?? null);
  const authenticated = encodeBody(header, key, place, body);
  return maker === null ? authenticated : appendMac(authenticated, await maker.make(macMessage(authenticated)));
}

/** Whether a record is what `sealRecord` would make now: of its version, by the configured keys and mechanisms. */
export async function isCurrentRecord(seal: Seal, record: WrappedKeyRecord): Promise<boolean> {
  return record.version === RECORD_VERSION && (await seal.isCurrent(record));
}

/**
 * Checks the HMAC in the HSM, unwraps K there and decrypts the body.
 * @param name what an error calls the record
 * @throws IntegrityError `record_altered` for any changed byte, a record of another place, or one that lost its HMAC
 * @throws IntegrityError `key_not_configured` for a record under a key that the configuration does not name
 * @throws HsmError when the HSM lacks the keys or fails
 */
export async function openRecord(seal: Seal, bytes: Uint8Array, place: string, name: string): Promise<Contents> {
  const record = readRecord(bytes, name);
  try {
    await authenticate(seal, record, name);
    return await open(seal, record, place, name);
  } catch (error) {
    if (!hasCode(error, IntegrityError, 'key_not_configured')) throw error;
    throw new IntegrityError(error.code, `${name} ${error.message}`, { hint: error.hint });
  }
}

/**
 * Where no HMAC vouches for the record, a wrap that the HSM rejects and a body that does not authenticate are one and the
 * same error after the same work: whoever may alter the record must not learn which, or the HSM would be a padding oracle to them.
 * So the HSM is put to the test after either.
 */
async function open(seal: Seal, record: WrappedKeyRecord, place: string, name: string): Promise<Contents> {
  const { wrap, key } = await unwrap(seal, record, name);
  const body = decryptBody(record, key ?? randomFillSync(new Uint8Array(KEY_BYTES)), place);
  if (key === null || body === null) {
    if (key !== null) zero(key);
    if (wrap !== null) await seal.requireSound(wrap);
    throw altered(name, 'it does not authenticate', await otherName(seal, record.wraps));
  }
  return { key, wraps: record.wraps, context: record.context, body };
}

function isKeyMissing(error: unknown): error is HsmError {
  return hasCode(error, HsmError, 'key_not_found');
}

/** Decodes a record without any key. @throws IntegrityError `record_altered` */
export function readRecord(bytes: Uint8Array, name: string): WrappedKeyRecord {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    if (error instanceof MalformedBytes) throw altered(name, error.message);
    throw error;
  }
}

async function authenticate(seal: Seal, record: WrappedKeyRecord, name: string): Promise<void> {
  const stanza = record.macStanza;
  if (stanza === null) {
    if (!seal.requiresMac) return;
    const problem = `${name} was tampered with: it carries no HMAC, though hmac_key_label is configured`;
    throw new IntegrityError('record_altered', problem, {
      hint: 'if you yourself added hmac_key_label after this was written, coffer(1) says at "sealwrap" how such a store is taken over; else restore it from a backup',
    });
  }
  if (!(await verify(seal, stanza, record, name))) {
    const anew = (await seal.hasOtherName(stanza))
      ? `, and the HMAC key is not the one of ${describeName({ label: stanza.keyLabel, id: stanza.keyId })} that it claims`
      : '';
    const problem = `${name} was tampered with, or the HMAC key was made anew: the HSM's HMAC does not match${anew}`;
    throw new IntegrityError('record_altered', problem, {
      hint:
        'nothing of it was used. If the HMAC key was removed and made again under its old name, bring the old one back from a backup of the HSM; ' +
        'else restore the store from a backup and find out who could write to it',
    });
  }
}

async function verify(seal: Seal, stanza: MacStanza, record: WrappedKeyRecord, name: string): Promise<boolean> {
  try {
    return await seal.verifyMac(stanza, macMessageOf(record), record.mac);
  } catch (error) {
    if (record.macInput !== 'whole' || !isReturnValue(error, ...TOO_LONG)) throw error;
    const problem = `the HSM does not check the HMAC of ${name}, which is over ${record.authenticated.length} bytes: ${error.message}`;
    throw new HsmError(error.code, problem, {
      hint:
        'it is a record of version 1, of which the HSM has to take all. If it is more than this HSM, or this release of its module, takes, open it ' +
        'with what wrote it, and have it moved to version 2 there with: coffer sealwrap rewrap',
      cause: error,
    });
  }
}

/** What modules say of more input than they take. */
const TOO_LONG: readonly number[] = [
  CKR.ARGUMENTS_BAD,
  CKR.BUFFER_TOO_SMALL,
  CKR.DATA_LEN_RANGE,
  CKR.DEVICE_MEMORY,
  CKR.HOST_MEMORY,
];

/** What came of a record's wraps. */
interface Unwrapped {
  /** The one that was tried; null for none. */
  readonly wrap: Wrap | null;
  /** Null when the HSM rejects the wrap and nothing vouches for it. */
  readonly key: Uint8Array | null;
}

/** The first wrap whose HSM key is there decides. */
async function unwrap(seal: Seal, record: WrappedKeyRecord, name: string): Promise<Unwrapped> {
  const isVouchedFor = record.macStanza !== null;
  // coffer makes none of these without an HMAC.
  if (!isVouchedFor && record.wraps.some(({ mechanism }) => isMalleable(mechanism))) return { wrap: null, key: null };
  let missing: CofferError | null = null;
  for (const wrap of record.wraps) {
    try {
      const key = await seal.unwrapKey(wrap);
      if (key !== null || !isVouchedFor) return { wrap, key };
      await seal.requireSound(wrap);
      const anew = (await seal.hasOtherName(wrap))
        ? `: it was made with another key, of ${describeName({ label: wrap.keyLabel, id: wrap.keyId })}`
        : '';
      const problem = `the HSM key "${wrap.keyLabel}" does not decrypt ${name}, though the HSM's HMAC says that nothing was altered${anew}`;
      throw new HsmError('hsm_decrypt_failed', problem, {
        hint: 'was the key removed and made again under its old name? then bring the old one back from a backup of the HSM; else have the HSM checked',
      });
    } catch (error) {
      // A key that should be there says more than a name that the file may have made up.
      if (isKeyMissing(error)) missing = isKeyMissing(missing) ? missing : error;
      else if (hasCode(error, IntegrityError, 'key_not_configured')) missing ??= error;
      else throw error;
    }
  }
  throw missing ?? altered(name, 'it has no wraps');
}

/** For a message, where the key is not the one that a wrap claims. What is said depends on what everybody can read. */
async function otherName(seal: Seal, wraps: readonly Wrap[]): Promise<string> {
  for (const wrap of wraps) {
    try {
      if (await seal.hasOtherName(wrap))
        return `, and the HSM key is not the one of ${describeName({ label: wrap.keyLabel, id: wrap.keyId })} that it claims: either it was made anew, or that was altered`;
    } catch (error) {
      if (!(error instanceof CofferError)) throw error; // it is about a message
    }
  }
  return '';
}

function altered(name: string, how: string, more = ''): IntegrityError {
  return new IntegrityError('record_altered', `${name} was tampered with: ${how}${more}`, {
    hint: 'nothing of it was used; restore the store from a backup and find out who could write to it',
  });
}
