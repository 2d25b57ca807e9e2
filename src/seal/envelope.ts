import { MalformedBytes, zero } from '../bytes.ts';
import { HsmError, IntegrityError } from '../errors.ts';
import { appendMac, decodeRecord, decryptBody, encodeBody, encodeHeader, macInput } from './record.ts';
import type { Record } from './record.ts';
import type { Seal, Wrap } from './seal.ts';
import { isMalleable } from './wrapping.ts';

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
  for (;;) {
    const stanza = await seal.macStanza(body.length);
    const authenticated = encodeBody(encodeHeader(context, wraps, stanza), key, place, body);
    if (stanza === null) return authenticated;
    const mac = await seal.mac(stanza, macInput(stanza, authenticated));
    if (mac !== null) return appendMac(authenticated, mac);
    if (stanza.overDigest) {
      throw new HsmError('hsm_input_limit', `the HSM does not make an HMAC over 32 bytes with the key "${stanza.keyLabel}"`, {
        hint: 'set another hmac_key_label, or have the HSM checked',
      });
    }
  }
}

/**
 * Checks the HMAC in the HSM, unwraps K there and decrypts the body.
 * @param name what an error calls the record
 * @throws IntegrityError `record_altered` for any changed byte, a record of another place, or one that lost its HMAC
 * @throws HsmError when the HSM lacks the keys or fails
 */
export async function openRecord(seal: Seal, bytes: Uint8Array, place: string, name: string): Promise<Contents> {
  const record = readRecord(bytes, name);
  try {
    await authenticate(seal, record, name);
  } catch (error) {
    // Whether the HMAC key is gone or its name in the record was altered, the body tells: it authenticates the header.
    if (isKeyMissing(error)) zeroContents(await open(seal, record, place, name, false));
    throw error;
  }
  return open(seal, record, place, name, record.macStanza !== null);
}

/**
 * Where no HMAC vouches for the record, a wrap that the HSM rejects and a body that does not authenticate are one and the
 * same error: whoever may alter the record must not learn which, or the HSM would be a padding oracle to them.
 */
async function open(seal: Seal, record: Record, place: string, name: string, isVouchedFor: boolean): Promise<Contents> {
  const key = await unwrap(seal, record, name, isVouchedFor);
  const body = key === null ? null : decryptBody(record, key, place);
  if (key === null || body === null) {
    if (key !== null) zero(key);
    throw altered(name, 'it does not authenticate');
  }
  return { key, wraps: record.wraps, context: record.context, body };
}

function zeroContents({ key, body }: Contents): void {
  zero(key, body);
}

function isKeyMissing(error: unknown): error is HsmError {
  return error instanceof HsmError && error.code === 'key_not_found';
}

/** Decodes a record without any key. @throws IntegrityError `record_altered` */
export function readRecord(bytes: Uint8Array, name: string): Record {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    if (error instanceof MalformedBytes) throw altered(name, error.message);
    throw error;
  }
}

async function authenticate(seal: Seal, record: Record, name: string): Promise<void> {
  const stanza = record.macStanza;
  if (stanza === null) {
    if (!seal.requiresMac) return;
    throw new IntegrityError('record_altered', `${name} was tampered with: it carries no HMAC, though hmac_key_label is configured`, {
      hint: 'if you yourself added hmac_key_label after this was written, run: coffer sealwrap rewrap -add-hmac; else restore the store from a backup',
    });
  }
  if (!(await seal.verifyMac(stanza, macInput(stanza, record.authenticated), record.mac))) {
    throw altered(name, "the HSM's HMAC does not match");
  }
}

/** The first wrap whose HSM key is there decides. Null when the HSM rejects it and nothing vouches for it. */
async function unwrap(seal: Seal, record: Record, name: string, isVouchedFor: boolean): Promise<Uint8Array | null> {
  // coffer makes none of these without an HMAC.
  if (record.macStanza === null && record.wraps.some(({ mechanism }) => isMalleable(mechanism))) return null;
  let missing: HsmError | null = null;
  for (const wrap of record.wraps) {
    try {
      const key = await seal.unwrapKey(wrap);
      if (key !== null || !isVouchedFor) return key;
      throw new HsmError('hsm_decrypt_failed', `the HSM key "${wrap.keyLabel}" does not decrypt ${name}, though the HSM's HMAC says that nothing was altered`, {
        hint: 'is it another key of the same label and id? else have the HSM checked',
      });
    } catch (error) {
      if (!isKeyMissing(error)) throw error;
      missing ??= error;
    }
  }
  throw missing ?? altered(name, 'it has no wraps');
}

function altered(name: string, how: string): IntegrityError {
  return new IntegrityError('record_altered', `${name} was tampered with: ${how}`, {
    hint: 'nothing of it was used; restore the store from a backup and find out who could write to it',
  });
}
