import { createHash, randomFillSync } from 'node:crypto';
import { GCM_IV_BYTES, gcmDecrypt, gcmEncrypt } from '../aead.ts';
import { ByteReader, ByteWriter, concat, MalformedBytes, utf8 } from '../bytes.ts';
import type { MacStanza, Wrap } from './seal.ts';

/**
 * The wrapped-key record: a 256-bit key K with one or more wraps of it, a body encrypted under K, and an HMAC over all
 * before it. Byte layout: coffer-format(7), "Wrapped-key record".
 */
export interface WrappedKeyRecord {
  /** Readable without a key, but authenticated with the rest. */
  readonly context: Uint8Array;
  readonly wraps: readonly Wrap[];
  readonly macStanza: MacStanza | null;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  /** The bytes from the magic to the MAC stanza: the body's additional data begins with them. */
  readonly header: Uint8Array;
  /** The bytes that the HMAC is over. */
  readonly authenticated: Uint8Array;
  readonly mac: Uint8Array;
}

const MAGIC = utf8('COFR');
const VERSION = 1;
const NO_MAC = 0;
const MAC_OVER_MESSAGE = 1;
const MAC_OVER_DIGEST = 2;

export function encodeHeader(context: Uint8Array, wraps: readonly Wrap[], macStanza: MacStanza | null): Uint8Array {
  const writer = new ByteWriter().raw(MAGIC).u8(VERSION).bytes16(context).u8(wraps.length);
  for (const wrap of wraps) {
    writer.bytes8(utf8(wrap.seal)).u32(wrap.mechanism).bytes8(utf8(wrap.keyLabel)).bytes8(wrap.keyId);
    writer.bytes16(wrap.parameters).bytes16(wrap.ciphertext);
  }
  if (macStanza === null) return writer.u8(NO_MAC).finish();
  writer.u8(macStanza.overDigest ? MAC_OVER_DIGEST : MAC_OVER_MESSAGE).u32(macStanza.mechanism);
  return writer.bytes8(utf8(macStanza.keyLabel)).bytes8(macStanza.keyId).finish();
}

/** Everything but the HMAC. @param key K, 32 bytes @param place where the record is stored, bound into the body */
export function encodeBody(header: Uint8Array, key: Uint8Array, place: string, body: Uint8Array): Uint8Array {
  const iv = randomFillSync(new Uint8Array(GCM_IV_BYTES));
  const ciphertext = gcmEncrypt(key, iv, concat(header, utf8(place)), body);
  return new ByteWriter().raw(header).raw(iv).u32(ciphertext.length).raw(ciphertext).finish();
}

/** Null when the record was altered, is another place's, or `key` is not its key. */
export function decryptBody(record: WrappedKeyRecord, key: Uint8Array, place: string): Uint8Array | null {
  return gcmDecrypt(key, record.iv, concat(record.header, utf8(place)), record.ciphertext);
}

export function appendMac(authenticated: Uint8Array, mac: Uint8Array): Uint8Array {
  return new ByteWriter().raw(authenticated).bytes8(mac).finish();
}

/** What the HSM's HMAC is computed over. */
export function macInput(stanza: MacStanza, authenticated: Uint8Array): Uint8Array {
  return stanza.overDigest ? createHash('sha256').update(authenticated).digest() : authenticated;
}

/** @throws MalformedBytes */
export function decodeRecord(bytes: Uint8Array): WrappedKeyRecord {
  const reader = new ByteReader(bytes);
  if (Buffer.compare(reader.raw(MAGIC.length), MAGIC) !== 0) throw new MalformedBytes('it is not a wrapped-key record');
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedBytes(`it has version ${version}`);
  const context = reader.bytes16();
  const count = reader.u8();
  if (count === 0) throw new MalformedBytes('it has no wraps');
  const wraps = Array.from({ length: count }, () => readWrap(reader));
  const macStanza = readMacStanza(reader);
  const header = bytes.subarray(0, reader.offset);
  const iv = reader.raw(GCM_IV_BYTES);
  const ciphertext = reader.raw(reader.u32());
  const authenticated = bytes.subarray(0, reader.offset);
  const mac = macStanza === null ? new Uint8Array(0) : reader.bytes8();
  reader.end();
  return { context, wraps, macStanza, iv, ciphertext, header, authenticated, mac };
}

function readWrap(reader: ByteReader): Wrap {
  return {
    seal: reader.text8(),
    mechanism: reader.u32(),
    keyLabel: reader.text8(),
    keyId: reader.bytes8(),
    parameters: reader.bytes16(),
    ciphertext: reader.bytes16(),
  };
}

function readMacStanza(reader: ByteReader): MacStanza | null {
  const kind = reader.u8();
  if (kind === NO_MAC) return null;
  if (kind !== MAC_OVER_MESSAGE && kind !== MAC_OVER_DIGEST)
    throw new MalformedBytes(`an unknown kind of HMAC ${kind}`);
  const overDigest = kind === MAC_OVER_DIGEST;
  return { mechanism: reader.u32(), keyLabel: reader.text8(), keyId: reader.bytes8(), overDigest };
}
