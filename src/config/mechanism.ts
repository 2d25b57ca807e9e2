/** Mechanisms as an operator writes them: a CKM_ name, a decimal or a 0x number. Numbers: PKCS#11 v2.40 pkcs11t.h. */
import { ConfigError } from '../errors.ts';
import type { PaddingHash } from './types.ts';
import { readNumber, readText, type Given } from './values.ts';

export const RSA_PKCS = 0x1;
export const RSA_PKCS_OAEP = 0x9;
const AES_GCM = 0x1087;

const wrapping: ReadonlyMap<string, number> = new Map([
  ['CKM_AES_CBC_PAD', 0x1085],
  ['CKM_AES_CBC', 0x1082],
  ['CKM_AES_GCM', AES_GCM],
  ['CKM_RSA_PKCS_OAEP', RSA_PKCS_OAEP],
  ['CKM_RSA_PKCS', RSA_PKCS],
]);

const authentication: ReadonlyMap<string, number> = new Map([['CKM_SHA256_HMAC', 0x251]]);

const hashes: readonly PaddingHash[] = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

export function readMechanism(given: Given): number {
  return readOneOf(given, wrapping);
}

export function readHmacMechanism(given: Given): number {
  return readOneOf(given, authentication);
}

/** Vault's names, in any case and with a hyphen too. */
export function readPaddingHash(given: Given): PaddingHash {
  const text = readText(given).toLowerCase().replace(/^sha-/, 'sha');
  const hash = hashes.find((one) => one === text);
  if (hash !== undefined) return hash;
  throw new ConfigError('config_value', `${given.origin} is not the name of a hash that coffer knows`, {
    hint: `write one of ${hashes.join(', ')}`,
  });
}

/** CKM_AES_CBC and CKM_AES_CBC_PAD do not notice a changed ciphertext: an HMAC key must. */
export function needsHmacKey(mechanism: number): boolean {
  return mechanism !== AES_GCM && !isRsa(mechanism);
}

export function isRsa(mechanism: number): boolean {
  return mechanism === RSA_PKCS || mechanism === RSA_PKCS_OAEP;
}

/** The CKM_ name of a mechanism that `readMechanism` gives. */
export function mechanismName(mechanism: number): string {
  return [...wrapping].find(([, number]) => number === mechanism)?.[0] ?? `mechanism ${mechanism}`;
}

function readOneOf(given: Given, supported: ReadonlyMap<string, number>): number {
  const names = [...supported]
    .map(([name, number]) => `${name} (0x${number.toString(16).padStart(4, '0')})`)
    .join(', ');
  const text = readText(given);
  const number = supported.get(text) ?? (/^CKM_/.test(text) ? null : readNumber(given));
  if (number === null) {
    throw new ConfigError('config_value', `${given.origin} is not the name of a mechanism that coffer knows`, {
      hint: `write one of ${names}`,
    });
  }
  if ([...supported.values()].includes(number)) return number;
  throw new ConfigError('unsupported', `${given.origin}: coffer does not use this mechanism`, {
    hint: `write one of ${names}`,
  });
}
