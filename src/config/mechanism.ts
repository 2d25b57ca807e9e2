/** Mechanisms as an operator writes them: a CKM_ name, a decimal or a 0x number. Numbers: PKCS#11 v2.40 pkcs11t.h. */
import { ConfigError } from '../errors.ts';
import { readNumber, readText, type Given } from './values.ts';

const wrapping: ReadonlyMap<string, number> = new Map([
  ['CKM_AES_CBC_PAD', 0x1085],
  ['CKM_AES_CBC', 0x1082],
  ['CKM_AES_GCM', 0x1087],
]);

const authentication: ReadonlyMap<string, number> = new Map([['CKM_SHA256_HMAC', 0x251]]);

/** Named so that the error can say "not supported by this version" instead of "unknown". */
const unsupported: ReadonlyMap<string, number> = new Map([
  ['CKM_RSA_PKCS', 0x1],
  ['CKM_RSA_PKCS_OAEP', 0x9],
]);

export function readMechanism(given: Given): number {
  return readOneOf(given, wrapping);
}

export function readHmacMechanism(given: Given): number {
  return readOneOf(given, authentication);
}

/** CKM_AES_CBC and CKM_AES_CBC_PAD do not notice a changed ciphertext: an HMAC key must. */
export function needsHmacKey(mechanism: number): boolean {
  return mechanism !== wrapping.get('CKM_AES_GCM');
}

function readOneOf(given: Given, supported: ReadonlyMap<string, number>): number {
  const names = [...supported].map(([name, number]) => `${name} (0x${number.toString(16).padStart(4, '0')})`).join(', ');
  const text = readText(given);
  const number = supported.get(text) ?? unsupported.get(text) ?? (/^CKM_/.test(text) ? null : readNumber(given));
  if (number === null) {
    throw new ConfigError('config_value', `${given.origin} is not the name of a mechanism that coffer knows`, {
      hint: `write one of ${names}`,
    });
  }
  if ([...supported.values()].includes(number)) return number;
  throw new ConfigError('unsupported', `${given.origin}: this mechanism is not supported by this version of coffer`, {
    hint: `write one of ${names}`,
  });
}
