/** Mechanisms as an operator writes them: a name in any case, with or without CKM_, a decimal or a 0x number. */
import { CKM } from '../ckm.ts';
import { ConfigError } from '../errors.ts';
import type { PaddingHash } from './types.ts';
import { readNumber, readText, type Given } from './values.ts';

const WRAPPING = named('AES_CBC_PAD', 'AES_CBC', 'AES_GCM', 'RSA_PKCS_OAEP', 'RSA_PKCS');
const AUTHENTICATION = named('SHA256_HMAC');
const HASHES: readonly PaddingHash[] = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

export function readMechanism(given: Given): number {
  return readOneOf(given, WRAPPING);
}

export function readHmacMechanism(given: Given): number {
  return readOneOf(given, AUTHENTICATION);
}

/** Vault's names, in any case and with a hyphen too. */
export function readPaddingHash(given: Given): PaddingHash {
  const text = readText(given).toLowerCase().replace(/^sha-/, 'sha');
  const hash = HASHES.find((one) => one === text);
  if (hash !== undefined) return hash;
  throw new ConfigError('config_value', `${given.origin} is not the name of a hash that coffer knows`, {
    hint: `write one of ${HASHES.join(', ')}`,
  });
}

/** CKM_AES_CBC and CKM_AES_CBC_PAD do not notice a changed ciphertext: an HMAC key must. */
export function needsHmacKey(mechanism: number): boolean {
  return mechanism !== CKM.AES_GCM && !isRsa(mechanism);
}

export function isRsa(mechanism: number): boolean {
  return mechanism === CKM.RSA_PKCS || mechanism === CKM.RSA_PKCS_OAEP;
}

/** The CKM_ name of a mechanism that `readMechanism` gives. */
export function mechanismName(mechanism: number): string {
  return [...WRAPPING].find(([, number]) => number === mechanism)?.[0] ?? `mechanism ${mechanism}`;
}

function named(...mechanisms: readonly (keyof typeof CKM)[]): ReadonlyMap<string, number> {
  return new Map(mechanisms.map((name) => [`CKM_${name}`, CKM[name]]));
}

function readOneOf(given: Given, supported: ReadonlyMap<string, number>): number {
  const names = [...supported]
    .map(([name, number]) => `${name} (0x${number.toString(16).padStart(4, '0')})`)
    .join(', ');
  const text = readText(given).toUpperCase();
  const number =
    supported.get(text) ?? supported.get(`CKM_${text}`) ?? (/^[A-Z]/.test(text) ? null : readNumber(given));
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
