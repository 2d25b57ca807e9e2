/** The pkcs11 seal's parameters, wherever they came from, to a Pkcs11SealConfig. */
import { ConfigError } from '../errors.ts';
import type { Pkcs11Key } from './keys.ts';
import { needsHmacKey, readHmacMechanism, readMechanism } from './mechanism.ts';
import { parsePinSource } from './pin.ts';
import type { KeyReference, Pkcs11SealConfig, PinSource } from './types.ts';
import { readAbsolutePath, readFlag, readHex, readNumber, readText, wrongType, type Given } from './values.ts';

/** `where` begins the message about a missing key. Remarks for the operator are added to `notes`. */
export function toSealConfig(givens: ReadonlyMap<string, Given>, where: string, notes: string[]): Pkcs11SealConfig {
  function read<T>(key: Pkcs11Key, reader: (given: Given) => T): T | null {
    const given = givens.get(key);
    return given === undefined ? null : reader(given);
  }

  if (read('disabled', readFlag)) {
    throw new ConfigError('seal_disabled', `${givens.get('disabled')?.origin} is true, and there is no other seal`, {
      hint: 'remove the key: without its seal coffer cannot open a store',
    });
  }
  refuseUnsupported(givens);
  noteWithoutEffect(givens, notes);

  const lib = read('lib', readAbsolutePath);
  if (lib === null) throw missing(where, 'lib', 'add lib = "/path/to/pkcs11-module.so" or set COFFER_HSM_LIB');
  const token = { slot: read('slot', readNumber), label: read('token_label', readText), serial: read('serial', readText) };
  if (token.slot === null && token.label === null && token.serial === null) {
    const hint = 'add token_label = "..." (or slot or serial), or set COFFER_HSM_TOKEN_LABEL (or _SLOT or _SERIAL)';
    throw missing(where, 'slot, token_label or serial', hint);
  }
  const key = toKey(read('key_label', readName), read('key_id', readId));
  if (key === null) {
    throw missing(where, 'key_label or key_id', 'add key_label = "..." or set COFFER_HSM_KEY_LABEL');
  }
  const hmacKey = toKey(read('hmac_key_label', readName), read('hmac_key_id', readId));
  const mechanism = read('mechanism', readMechanism);
  const hmacMechanism = read('hmac_mechanism', readHmacMechanism);
  if (hmacKey === null) refuseWithoutHmacKey(givens, mechanism);
  const pin = read('pin', readPinSource);

  return {
    type: 'pkcs11',
    name: read('name', readName) ?? 'pkcs11',
    lib,
    token,
    pin,
    key,
    hmacKey,
    mechanism,
    hmacMechanism,
    generateKey: read('generate_key', readFlag) ?? false,
    forceRwSession: read('force_rw_session', readFlag) ?? false,
  };
}

/** A wrapped-key record gives names and ids one length byte (coffer-format(7)). */
const LONGEST_IN_RECORD = 255;

function readName(given: Given): string {
  const text = readText(given);
  if (Buffer.byteLength(text) > LONGEST_IN_RECORD) throw tooLong(given);
  return text;
}

function readId(given: Given): Uint8Array {
  const id = readHex(given);
  if (id.length > LONGEST_IN_RECORD) throw tooLong(given);
  return id;
}

function tooLong({ origin }: Given): ConfigError {
  return new ConfigError('config_value', `${origin} is longer than ${LONGEST_IN_RECORD} bytes`, { hint: 'use a shorter one' });
}

/** A PIN must be a string: 0042 and 42 are different PINs. In the environment it is the PIN itself. */
function readPinSource(given: Given): PinSource {
  if (typeof given.value !== 'string') throw wrongType(given.origin, 'a string', 'write pin = "...", in double quotes');
  const value = readText(given);
  return given.from === 'environment' ? { kind: 'literal', value } : parsePinSource(value, given.origin);
}

function toKey(label: string | null, id: Uint8Array | null): KeyReference | null {
  return label === null && id === null ? null : { label, id };
}

function refuseWithoutHmacKey(givens: ReadonlyMap<string, Given>, mechanism: number | null): void {
  const origin =
    givens.get('hmac_mechanism')?.origin ??
    (mechanism !== null && needsHmacKey(mechanism) ? givens.get('mechanism')?.origin : undefined);
  if (origin === undefined) return;
  throw new ConfigError('config_missing', `${origin} needs an HMAC key, and none is named`, {
    hint: 'add hmac_key_label = "..." (or hmac_key_id) or set COFFER_HSM_HMAC_KEY_LABEL',
  });
}

function refuseUnsupported(givens: ReadonlyMap<string, Given>): void {
  const localEncryption = givens.get('rsa_encrypt_local');
  const refused =
    givens.get('uri') ??
    givens.get('rsa_oaep_hash') ??
    (localEncryption !== undefined && readFlag(localEncryption) ? localEncryption : undefined);
  if (refused === undefined) return;
  const hint = refused === givens.get('uri') ? 'choose the token with token_label, slot or serial' : 'use an AES key and remove it';
  throw new ConfigError('unsupported', `${refused.origin} is not supported by this version of coffer`, { hint });
}

function noteWithoutEffect(givens: ReadonlyMap<string, Given>, notes: string[]): void {
  const reasons: readonly (readonly [Pkcs11Key, string, (given: Given) => unknown])[] = [
    ['default_key_label', 'every wrap records the key that made it', readText],
    ['default_hmac_key_label', 'every wrap records the key that made it', readText],
    ['max_parallel', 'a command opens one session', readNumber],
    ['priority', 'there is a single seal', readNumber],
  ];
  for (const [key, reason, check] of reasons) {
    const given = givens.get(key);
    if (given === undefined) continue;
    check(given);
    notes.push(`${given.origin} has no effect: ${reason}`);
  }
}

function missing(where: string, what: string, hint: string): ConfigError {
  return new ConfigError('config_missing', `${where}: ${what} is missing`, { hint });
}
