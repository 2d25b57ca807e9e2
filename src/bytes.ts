/** Reading and writing of stored bytes: big-endian integers and length-prefixed fields. */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // a byte order mark is data;

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Throws TypeError on bytes that are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Overwrites key material once it has served. */
export function zero(...buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0);
}

/** Whether both hold the same bytes. The time that it takes tells where they differ: not for what a caller may guess at. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** A view of the same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function base64(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64');
}

export function hex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}

/** Collects fields and joins them. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = [];

  #integer(size: number, value: number): this {
    const max = 2 ** (8 * size);
    if (!Number.isSafeInteger(value) || value < 0 || value >= max)
      throw new RangeError(`${value} does not fit ${size} bytes`);
    const bytes = new Uint8Array(size);
    for (let at = size - 1, rest = value; at >= 0; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256;
    this.#parts.push(bytes);
    return this;
  }

  u8(value: number): this {
    return this.#integer(1, value);
  }

  u16(value: number): this {
    return this.#integer(2, value);
  }

  u32(value: number): this {
    return this.#integer(4, value);
  }

  /** 8 bytes; the value must be a safe integer. */
  u64(value: number): this {
    return this.#integer(8, value);
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  /** One length byte, then at most 255 bytes. */
  bytes8(bytes: Uint8Array): this {
    return this.u8(bytes.length).raw(bytes);
  }

  /** Two length bytes, then at most 65535 bytes. */
  bytes16(bytes: Uint8Array): this {
    return this.u16(bytes.length).raw(bytes);
  }

  finish(): Uint8Array {
    return concat(...this.#parts);
  }
}

/** The bytes ended early, or a field holds what it may not. */
export class MalformedBytes extends Error {}

/** Takes fields off the front. Every method throws MalformedBytes when too few bytes are left. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  #integer(size: number): number {
    const value = this.raw(size).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!Number.isSafeInteger(value)) throw new MalformedBytes('an integer is out of range');
    return value;
  }

  u8(): number {
    return this.#integer(1);
  }

  u16(): number {
    return this.#integer(2);
  }

  u32(): number {
    return this.#integer(4);
  }

  u64(): number {
    return this.#integer(8);
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number): Uint8Array {
    if (length > this.remaining) throw new MalformedBytes('the bytes end early');
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  bytes8(): Uint8Array {
    return this.raw(this.u8());
  }

  bytes16(): Uint8Array {
    return this.raw(this.u16());
  }

  text8(): string {
    return text(this.bytes8());
  }

  end(): void {
    if (this.remaining !== 0) throw new MalformedBytes('bytes are left over');
  }
}

function text(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    throw new MalformedBytes('a text field is not UTF-8');
  }
}

/** Compares two texts as the bytes of their UTF-8 compare, the order in which Vault lists. */
export function byBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** In UTF-16 surrogates come before U+E000; in UTF-8 what they stand for comes after U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
