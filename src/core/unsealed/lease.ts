import { ByteReader, ByteWriter, concat, MalformedBytes, utf8 } from '../../bytes.ts';
import { IntegrityError } from '../../errors.ts';
import { MAC_BYTES, rootMac, verifyRootMac } from './root-mac.ts';
import type { Rows } from '../../storage/index.ts';
import type { Machine } from '../machine.ts';
import { machineRows } from '../row-paths.ts';
import type { StoreHeader } from './header.ts';

const VERSION = 1;
const PURPOSE = 'coffer lease v1';

/** The row that says that the store is unsealed. Byte layout: coffer-format(7), "Lease". */
export interface Lease {
  readonly bootId: string;
  readonly storeId: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Uptime in milliseconds at which it ends, or null for as long as the machine is up. */
  readonly ends: number | null;
  readonly user: string;
}

export function encodeLease(lease: Lease, rootKey: Uint8Array): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).bytes8(utf8(lease.bootId)).bytes8(utf8(lease.storeId)).u64(lease.created);
  const body = writer
    .u64(lease.ends ?? 0)
    .bytes8(utf8(lease.user))
    .finish();
  return concat(body, rootMac(rootKey, PURPOSE, body));
}

/**
 * Writes the lease and forgets an operator's `seal`.
 * @param ttl milliseconds, or null for as long as the machine is up
 */
export async function writeLease(
  rows: Rows,
  machine: Machine,
  { storeId }: StoreHeader,
  rootKey: Uint8Array,
  ttl: number | null,
): Promise<void> {
  const { bootId, id, now, uptime, user } = machine;
  const ends = ttl === null ? null : uptime + ttl;
  const { lease, sealedByOperator } = machineRows(rows.layout, id);
  await rows.put(lease, encodeLease({ bootId, storeId, created: now, ends, user }, rootKey));
  await rows.delete(sealedByOperator);
}

/** Reads a lease without checking its authenticator, which takes the root key. @throws IntegrityError `lease_altered` */
export function decodeLease(bytes: Uint8Array): Lease {
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== VERSION) throw new MalformedBytes('an unknown version');
    const lease = { bootId: reader.text8(), storeId: reader.text8(), created: reader.u64() };
    const ends = reader.u64();
    const user = reader.text8();
    reader.raw(MAC_BYTES);
    reader.end();
    return { ...lease, ends: ends === 0 ? null : ends, user };
  } catch (error) {
    if (error instanceof MalformedBytes) throw altered();
    throw error;
  }
}

/** Whether it is for this boot and has not ended. */
export function isCurrent(lease: Lease, machine: Machine): boolean {
  return lease.bootId === machine.bootId && (lease.ends === null || machine.uptime < lease.ends);
}

/** @throws IntegrityError `lease_altered` unless somebody with this root key made it for this store */
export function authenticateLease(bytes: Uint8Array, rootKey: Uint8Array, storeId: string): void {
  const split = bytes.length - MAC_BYTES;
  const authentic = verifyRootMac(rootKey, PURPOSE, bytes.subarray(0, split), bytes.subarray(split));
  if (!authentic || decodeLease(bytes).storeId !== storeId) throw altered();
}

function altered(): IntegrityError {
  return new IntegrityError('lease_altered', 'the row that says that the store is unsealed was altered', {
    hint: 'run: coffer seal, then: coffer unseal; and find out who could write to the store',
  });
}
