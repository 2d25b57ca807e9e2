import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { utf8, zero } from '../../bytes.ts';

const KEY_BYTES = 32;
export const MAC_BYTES = 32;

/**
 * HMAC-SHA256 (RFC 2104) under a key derived from the root key with HKDF-SHA256 (RFC 5869): no salt, `purpose` as the
 * info. Only somebody who went through the HSM can make one.
 */
export function rootMac(rootKey: Uint8Array, purpose: string, message: Uint8Array): Uint8Array {
  const key = new Uint8Array(hkdfSync('sha256', rootKey, new Uint8Array(0), utf8(purpose), KEY_BYTES));
  const mac = new Uint8Array(createHmac('sha256', key).update(message).digest());
  zero(key);
  return mac;
}

export function verifyRootMac(rootKey: Uint8Array, purpose: string, message: Uint8Array, mac: Uint8Array): boolean {
  return mac.length === MAC_BYTES && timingSafeEqual(rootMac(rootKey, purpose, message), mac);
}
