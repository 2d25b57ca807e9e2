import { asBuffer, ByteReader, ByteWriter, concat, MalformedBytes } from '../bytes.ts';
import { treeAltered } from './faults.ts';
import { DIGEST_BYTES, type TreeKeys } from './keys.ts';

const VERSION = 1;
const ANCHORED = 1;

/** The row that vouches for all others. It changes with every transaction that changes one. */
export interface Root {
  /** Grows by one with each change of the store; by more where a copy is to be the newest from now on. */
  readonly counter: number;
  /** Leaves of the tree: rows, and marks of folders. */
  readonly entries: number;
  /** Values that were encrypted under the active term. */
  readonly encryptions: number;
  /** Whether the counter is kept in the HSM, too. */
  readonly anchored: boolean;
  /** Of the root node: 16 bytes; null without entries. */
  readonly digest: Buffer | null;
}

/** Byte layout: coffer-format(7), "Root". */
export function encodeRoot({ counter, entries, encryptions, anchored, digest }: Root, keys: TreeKeys): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).u64(counter).u64(entries).u64(encryptions);
  const head = writer
    .u8(anchored ? ANCHORED : 0)
    .raw(digest ?? new Uint8Array(DIGEST_BYTES))
    .finish();
  return concat(head, keys.rootMac(head));
}

/** What the row of a root says the counter is, for who has no keys to check it; null where it is none. */
export function counterOf(bytes: Uint8Array | null): number | null {
  const reader = new ByteReader(bytes ?? new Uint8Array(0));
  try {
    return reader.u8() === VERSION ? reader.u64() : null;
  } catch {
    return null;
  }
}

/** @throws IntegrityError `tree_altered` */
export function decodeRoot(bytes: Uint8Array | null, keys: TreeKeys): Root {
  if (bytes === null) throw treeAltered('its root was removed');
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== VERSION) throw new MalformedBytes('an unknown version');
    const root = { counter: reader.u64(), entries: reader.u64(), encryptions: reader.u64() };
    const flags = reader.u8();
    const digest = asBuffer(reader.raw(DIGEST_BYTES).slice());
    if (!keys.verifyRootMac(bytes.subarray(0, reader.offset), reader.raw(reader.remaining)))
      throw new MalformedBytes('it does not authenticate');
    if (flags > ANCHORED) throw new MalformedBytes('an unknown flag');
    return { ...root, anchored: flags === ANCHORED, digest: root.entries === 0 ? null : digest };
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw treeAltered(`its root: ${error.message}`);
  }
}
