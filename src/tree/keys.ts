import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { asBuffer, utf8 } from '../bytes.ts';

const KEY_BYTES = 32;
export const HALF_BYTES = 8;
export const DIGEST_BYTES = 16;
/** In the place of a digest, of the mark of a folder: its presence is all. No row has it, but for one in 2^128. */
export const MARK: Buffer = Buffer.alloc(DIGEST_BYTES);

/** Everything about the tree that takes a key. Byte layout: coffer-format(7), "Tree". */
export class TreeKeys {
  readonly #name: KeyObject;
  readonly #row: KeyObject;
  readonly #node: KeyObject;
  readonly #root: KeyObject;

  /** Neither key is needed afterwards. @param treeKey 32 bytes, of the keyring @param rootKey 32 bytes */
  constructor(treeKey: Uint8Array, rootKey: Uint8Array) {
    this.#name = derived(treeKey, 'coffer tree name v1');
    this.#row = derived(treeKey, 'coffer tree row v1');
    this.#node = derived(treeKey, 'coffer tree node v1');
    this.#root = derived(rootKey, 'coffer tree root v1');
  }

  /** Half a leaf's key, which stands for a path: 8 characters, one for each byte. */
  half(path: string): string {
    return createHmac('sha256', this.#name).update(path).digest('binary').slice(0, HALF_BYTES);
  }

  /** What a leaf says of a row: 16 bytes. */
  rowDigest(path: string, value: Uint8Array): Buffer {
    // One call for all costs half of three. Paths are ASCII.
    const row = Buffer.allocUnsafe(2 + path.length + value.length);
    row.write(path, row.writeUInt16BE(path.length), 'latin1');
    row.set(value, 2 + path.length);
    return createHmac('sha256', this.#row).update(row).digest().subarray(0, DIGEST_BYTES);
  }

  /** What its parent says of a node: 16 bytes. */
  nodeDigest(node: Uint8Array): Buffer {
    return createHmac('sha256', this.#node).update(node).digest().subarray(0, DIGEST_BYTES);
  }

  /** 32 bytes. */
  rootMac(head: Uint8Array): Buffer {
    return createHmac('sha256', this.#root).update(head).digest();
  }

  verifyRootMac(head: Uint8Array, mac: Uint8Array): boolean {
    const right = this.rootMac(head);
    return mac.length === right.length && timingSafeEqual(right, mac);
  }
}

/** HKDF-SHA256 (RFC 5869) without salt. As a KeyObject an HMAC is six times as fast as with the bytes. */
function derived(key: Uint8Array, purpose: string): KeyObject {
  const bytes = asBuffer(new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), utf8(purpose), KEY_BYTES)));
  const object = createSecretKey(bytes);
  bytes.fill(0);
  return object;
}
