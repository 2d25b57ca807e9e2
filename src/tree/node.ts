import { asBuffer, MalformedBytes } from '../bytes.ts';
import { bytesFor, digitAt, digitsOf, wholeBytes, writeDigits } from './digits.ts';
import { DIGEST_BYTES } from './keys.ts';
import { type Entry, LEAF, LeafBytes } from './leaf.ts';

/**
 * Children of an inner node, one for each digit. With sixteen a leaf that is split leaves sixteen of two entries behind, and the rows of these
 * nodes made a store a seventh larger; with four it is a tenth.
 */
export const FANOUT = 4;

const INNER = 2;
const COUNT_BYTES = 8;
const BITMAP_BYTES = 1;

/** A place in an inner node, or the root's. With neither there is nothing below. */
export interface Slot {
  digest: Buffer | null;
  /** Read, or changed since. */
  node: Node | null;
}

interface Kept {
  /** The address under which its bytes are stored; null for a node that is new, or that moved. */
  storedAt: string | null;
  /** Whether it is to be written. */
  dirty: boolean;
}

export interface Leaf extends Kept {
  readonly kind: 'leaf';
  readonly entries: LeafBytes;
}

export interface Inner extends Kept {
  readonly kind: 'inner';
  /** All digits that the keys below it begin with. */
  readonly prefix: string;
  /** Its whole bytes, as a key has them, so that a key is compared with most of it at once. */
  readonly start: string;
  /** Entries below it. */
  count: number;
  /** By the digit behind the prefix. */
  readonly slots: (Slot | undefined)[];
}

export type Node = Leaf | Inner;

/** @param entries in the order of their keys */
export function leaf(entries: readonly Entry[]): Leaf {
  return { kind: 'leaf', entries: LeafBytes.of(entries), storedAt: null, dirty: true };
}

export function inner(prefix: string, count: number, slots: (Slot | undefined)[]): Inner {
  return { kind: 'inner', prefix, start: wholeBytes(prefix), count, slots, storedAt: null, dirty: true };
}

/** How many digits of the prefix of a node are those of a key, from the first on. @param known so many are */
export function commonDigits({ prefix, start }: Inner, key: string, known: number): number {
  if (known === prefix.length) return known; // as of most nodes, whose address says all
  let at = key.startsWith(start) ? Math.max(known, 4 * start.length) : known;
  while (at < prefix.length && Number(prefix[at]) === digitAt(key, at)) at++;
  return at;
}

/** Byte layout: coffer-format(7), "Tree". */
export function encodeNode(node: Node): Buffer {
  return node.kind === 'leaf' ? node.entries.bytes() : encodeInner(node);
}

function encodeInner({ prefix, count, slots }: Inner): Buffer {
  const head = Buffer.alloc(2 + bytesFor(prefix.length) + COUNT_BYTES + BITMAP_BYTES);
  let at = head.writeUInt8(prefix.length, head.writeUInt8(INNER, 0));
  at = writeDigits(head, prefix, at);
  at = head.writeBigUInt64BE(BigInt(count), at);
  const digests: Buffer[] = [];
  let bitmap = 0;
  for (const [digit, slot] of slots.entries()) {
    if (slot?.digest == null) continue;
    bitmap |= 1 << digit;
    digests.push(slot.digest);
  }
  head.writeUInt8(bitmap, at);
  return Buffer.concat([head, ...digests]);
}

/**
 * Of bytes whose digest was right, and which coffer therefore wrote.
 * @param address where they are stored
 * @throws MalformedBytes for a kind of node that this coffer does not know
 */
export function decodeNode(given: Uint8Array, address: string): Node {
  const bytes = asBuffer(given);
  const kind = bytes[0];
  if (kind === LEAF) return { kind: 'leaf', entries: new LeafBytes(bytes), storedAt: address, dirty: false };
  if (kind !== INNER) throw new MalformedBytes('an unknown kind of node');
  const digits = bytes.readUInt8(1);
  let at = 2 + bytesFor(digits);
  const prefix = digitsOf(bytes.subarray(2, at)).slice(0, digits);
  const count = Number(bytes.readBigUInt64BE(at));
  const bitmap = bytes.readUInt8(at + COUNT_BYTES);
  at += COUNT_BYTES + BITMAP_BYTES;
  const slots = new Array<Slot | undefined>(FANOUT).fill(undefined);
  for (let digit = 0; digit < FANOUT; digit++) {
    if ((bitmap & (1 << digit)) === 0) continue;
    slots[digit] = { digest: bytes.subarray(at, at + DIGEST_BYTES), node: null };
    at += DIGEST_BYTES;
  }
  return { ...inner(prefix, count, slots), storedAt: address, dirty: false };
}
