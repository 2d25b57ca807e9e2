import { ByteReader, ByteWriter, MalformedBytes, utf8 } from '../../bytes.ts';
import { IntegrityError } from '../../errors.ts';

const VERSION = 1;

/**
 * What anybody may know of the store: the context of its record, readable without the HSM and authenticated by it when
 * the store is opened. Byte layout: coffer-format(7), "Store context".
 */
export interface StoreHeader {
  /** A UUID (RFC 9562, version 4). */
  readonly storeId: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly recoveryShares: number;
  readonly recoveryThreshold: number;
}

export function encodeStoreHeader(header: StoreHeader): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).bytes8(utf8(header.storeId)).u64(header.created);
  return writer.u8(header.recoveryShares).u8(header.recoveryThreshold).finish();
}

/** @throws IntegrityError `record_altered` */
export function decodeStoreHeader(bytes: Uint8Array): StoreHeader {
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== VERSION) throw new MalformedBytes('an unknown version');
    const header = {
      storeId: reader.text8(),
      created: reader.u64(),
      recoveryShares: reader.u8(),
      recoveryThreshold: reader.u8(),
    };
    reader.end();
    return header;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw new IntegrityError('record_altered', `the store's own record was altered: ${error.message}`, {
      hint: 'restore the store from a backup',
    });
  }
}
