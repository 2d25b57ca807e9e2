import { createHash, randomFillSync } from 'node:crypto';
import { GCM_IV_BYTES, gcmDecrypt, gcmEncrypt } from '../aead.ts';
import { ByteReader, ByteWriter, concat, MalformedBytes, utf8 } from '../bytes.ts';
import type { MacStanza, Wrap } from './seal.ts';

/**
 * The wrapped-key record: a 256-bit key K with one or more wraps of it, a body encrypted under K, and an HMAC that vouches for all
 * before it. Byte layout: coffer-format(7), "Wrapped-key record". Version 2 is written, version 1 only read.
 */
export interface WrappedKeyRecord {
  readonly version: number;
  /** Readable without a key, but authenticated with the rest. */
  readonly context: Uint8Array;
  readonly wraps: readonly Wrap[];
  readonly macStanza: MacStanza | null;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  /** The bytes from the magic to the MAC stanza: the body's additional data begins with them. */
  readonly header: Uint8Array;
  /** The bytes that the HMAC vouches for: all before it. */
  readonly authenticated: Uint8Array;
  readonly macInput: MacInput;
  readonly mac: Uint8Array;
}

/**
 * What the HSM computes the HMAC over: 46 bytes with a label, which every device takes; in version 1 all that it vouches for, or the
 * SHA-256 of that. None of them is ever another's: they differ in their length, or in how they begin.
 */
export type MacInput = 'labelled digest' | 'whole' | 'digest';

/** Of new records. */
export const RECORD_VERSION = 2;

const MAGIC = utf8('COFR');
const MAC_LABEL = utf8('coffer record');
const FIRST_VERSION = 1;
/** Kinds of HMAC in version 1. */
const NO_MAC = 0;
const MAC_OVER_WHOLE = 1;
const MAC_OVER_DIGEST = 2;

export function encodeHeader(context: Uint8Array, wraps: readonly Wrap[], macStanza: MacStanza | null): Uint8Array {
  const writer = new ByteWriter().raw(MAGIC).u8(RECORD_VERSION).bytes16(context).u8(wraps.length);
  for (const wrap of wraps) {
    writer.bytes8(utf8(wrap.seal)).u32(wrap.mechanism).bytes8(utf8(wrap.keyLabel)).bytes8(wrap.keyId);
    writer.bytes16(wrap.parameters).bytes16(wrap.ciphertext);
  }
  const stanzas = macStanza === null ? [] : [macStanza];
  writer.u8(stanzas.length);
  for (const { seal, mechanism, keyLabel, keyId } of stanzas)
    writer.bytes8(utf8(seal)).u32(mechanism).bytes8(utf8(keyLabel)).bytes8(keyId);
  return writer.finish();
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

/** What the HSM's HMAC is computed over, for a new record with these bytes before its HMAC. */
export function macMessage(authenticated: Uint8Array): Uint8Array {
  return concat(MAC_LABEL, Uint8Array.of(RECORD_VERSION), sha256(authenticated));
}

/** The same for one that was read. */
export function macMessageOf({ macInput, authenticated }: WrappedKeyRecord): Uint8Array {
  if (macInput === 'whole') return authenticated;
  return macInput === 'digest' ? sha256(authenticated) : macMessage(authenticated);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** @throws MalformedBytes */
export function decodeRecord(bytes: Uint8Array): WrappedKeyRecord {
  const reader = new ByteReader(bytes);
  if (Buffer.compare(reader.raw(MAGIC.length), MAGIC) !== 0) throw new MalformedBytes('it is not a wrapped-key record');
  const version = reader.u8();
  if (version !== FIRST_VERSION && version !== RECORD_VERSION) throw new MalformedBytes(`it has version ${version}`);
  const context = reader.bytes16();
  const count = reader.u8();
  if (count === 0) throw new MalformedBytes('it has no wraps');
  const wraps = Array.from({ length: count }, () => readWrap(reader));
  const { macStanza, macInput } = version === FIRST_VERSION ? readFirstMacStanza(reader) : readMacStanza(reader);
  const header = bytes.subarray(0, reader.offset);
  const iv = reader.raw(GCM_IV_BYTES);
  const ciphertext = reader.raw(reader.u32());
  const authenticated = bytes.subarray(0, reader.offset);
  const mac = macStanza === null ? new Uint8Array(0) : reader.bytes8();
  reader.end();
  return { version, context, wraps, macStanza, iv, ciphertext, header, authenticated, macInput, mac };
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

type ReadMac = Pick<WrappedKeyRecord, 'macStanza' | 'macInput'>;

function readMacStanza(reader: ByteReader): ReadMac {
  const count = reader.u8();
  if (count > 1) throw new MalformedBytes(`it has ${count} HMACs`);
  const seal = count === 0 ? null : reader.text8();
  return { macStanza: seal === null ? null : readMacKey(reader, seal), macInput: 'labelled digest' };
}

/** Version 1 has no name of the seal. */
function readFirstMacStanza(reader: ByteReader): ReadMac {
  const kind = reader.u8();
  if (kind === NO_MAC) return { macStanza: null, macInput: 'whole' };
  if (kind !== MAC_OVER_WHOLE && kind !== MAC_OVER_DIGEST) throw new MalformedBytes(`an unknown kind of HMAC ${kind}`);
  return { macStanza: readMacKey(reader, ''), macInput: kind === MAC_OVER_DIGEST ? 'digest' : 'whole' };
}

function readMacKey(reader: ByteReader, seal: string): MacStanza {
  return { seal, mechanism: reader.u32(), keyLabel: reader.text8(), keyId: reader.bytes8() };
}
