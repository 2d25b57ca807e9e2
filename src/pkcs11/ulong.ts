/**
 * CK_ULONG as pkcs11js hands it over: the machine's own bytes, 8 of them or 4 (Windows, 32-bit systems), in the
 * machine's own order. PKCS#11 v2.40 section 3.1.
 */
export function ulongToBigint(bytes: Uint8Array): bigint {
  const { buffer } = Uint8Array.from(bytes);
  const [word = 0] = bytes.length === 4 ? new Uint32Array(buffer) : new BigUint64Array(buffer);
  return BigInt(word);
}

/** For what is never large: types, lengths. */
export function ulongToNumber(bytes: Uint8Array): number {
  return Number(ulongToBigint(bytes));
}

/** The inverse; `size` is 8 or 4. */
export function numberToUlong(value: number | bigint, size: 4 | 8 = ULONG_SIZE): Buffer {
  const words = size === 4 ? Uint32Array.of(Number(value)) : BigUint64Array.of(BigInt(value));
  return Buffer.from(words.buffer);
}

/** A slot number as C_ functions want it. */
export function slotHandle(slot: bigint): Buffer {
  return numberToUlong(slot);
}

const ULONG_SIZE = process.platform === 'win32' || ['arm', 'ia32', 'mips', 'mipsel'].includes(process.arch) ? 4 : 8;
