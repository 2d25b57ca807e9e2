/** What each parameter of the pkcs11 seal may be. */
import { parseDuration } from '../duration.ts';
import { ConfigError } from '../errors.ts';
import type { Pkcs11Key } from './keys.ts';
import { readHmacMechanism, readMechanism, readPaddingHash } from './mechanism.ts';
import { parsePinSource } from './pin.ts';
import type { PinSource, WrappingKeyReference } from './types.ts';
import {
  readAbsolutePath,
  readFlag,
  readHex,
  readNumber,
  readSlot,
  readText,
  wrongType,
  type Given,
} from './values.ts';

/** The stanza's keys, `uri` taken apart: it alone can give the last three. */
export type SealParameter = Exclude<Pkcs11Key, 'uri'> | 'manufacturer' | 'model' | 'key_class';

export const sealReaders = {
  lib: readAbsolutePath,
  library_parameters: readParameters,
  slot: readSlot,
  token_label: readText,
  serial: readText,
  manufacturer: readText,
  model: readText,
  pin: readPinSource,
  key_label: readName,
  key_id: readId,
  key_class: readClass,
  hmac_key_label: readName,
  hmac_key_id: readId,
  previous_key_label: readNames,
  previous_key_id: readIds,
  previous_hmac_key_label: readNames,
  previous_hmac_key_id: readIds,
  default_key_label: readText,
  default_hmac_key_label: readText,
  mechanism: readMechanism,
  hmac_mechanism: readHmacMechanism,
  generate_key: readFlag,
  rsa_oaep_hash: readPaddingHash,
  rsa_encrypt_local: readFlag,
  disable_software_encryption: readFlag,
  force_rw_session: readFlag,
  max_parallel: readParallel,
  anchor: readAnchor,
  timeout: readTimeout,
  name: readName,
  priority: readNumber,
  disabled: readFlag,
} satisfies Record<SealParameter, (given: Given) => unknown>;

/** A wrapped-key record gives names and ids one length byte (coffer-format(7)). */
const LONGEST_IN_RECORD = 255;

function readName(given: Given): string {
  const text = readText(given);
  if (Buffer.byteLength(text) > LONGEST_IN_RECORD) throw tooLong(given);
  return text;
}

/** In hexadecimal, or the bytes themselves from a URI. */
function readId(given: Given): Uint8Array {
  const id = given.value instanceof Uint8Array ? given.value : readHex(given);
  if (id.length > LONGEST_IN_RECORD) throw tooLong(given);
  return id;
}

/** Separated by commas, blanks around each left aside: a label that has a comma in it is named by its id. */
function readNames(given: Given): string[] {
  return entries(given).map(readName);
}

function readIds(given: Given): Uint8Array[] {
  return entries(given).map(readId);
}

function entries(given: Given): Given[] {
  const texts = readText(given)
    .split(',')
    .map((text) => text.trim());
  if (!texts.includes('')) return texts.map((value) => ({ ...given, value }));
  throw new ConfigError('config_value', `${given.origin} has an empty entry`, {
    hint: 'separate the entries by single commas',
  });
}

function tooLong({ origin }: Given): ConfigError {
  return new ConfigError('config_value', `${origin} is longer than ${LONGEST_IN_RECORD} bytes`, {
    hint: 'use a shorter one',
  });
}

/** It becomes a C string. The paths that it holds for modules which are known must be whole, as all paths in the configuration. */
function readParameters(given: Given): string {
  const text = readText(given);
  if (text.includes('\0'))
    throw new ConfigError('config_value', `${given.origin} holds a NUL character`, { hint: 'remove it' });
  for (const [, name, path = ''] of text.matchAll(PATH_PARAMETERS)) {
    if (path !== '' && !path.startsWith('/'))
      throw new ConfigError('config_value', `${given.origin}: the path of ${name ?? ''} must be absolute`, {
        hint: 'write the whole path, beginning with "/"',
      });
  }
  return text;
}

/** Of Yubico's module and of NSS, which has the kind of database before the path. */
const PATH_PARAMETERS = /(?:^|\s)-*(config-file|configdir)\s*=\s*["']?(?:(?:sql|dbm|extern|rdb):)?([^\s"']*)/g;

/** A PIN must be a string: 0042 and 42 are different PINs. */
function readPinSource(given: Given): PinSource {
  if (typeof given.value !== 'string') throw wrongType(given.origin, 'a string', 'write pin = "...", in double quotes');
  return parsePinSource(readText(given), given);
}

/** Of a URI's type, which was checked where the URI was parsed. */
function readClass({ value }: Given): WrappingKeyReference['class'] {
  return value === 'private' ? 'private' : 'secret';
}

const MOST_SESSIONS = 64;

function readParallel(given: Given): number {
  const number = readNumber(given);
  if (number >= 1 && number <= MOST_SESSIONS) return number;
  throw new ConfigError('config_value', `${given.origin} must be from 1 to ${MOST_SESSIONS}`, {
    hint: 'write how many sessions one command may open side by side; 1 is the default',
  });
}

const ANCHORS = ['write', 'unseal', 'off'] as const;

function readAnchor(given: Given): (typeof ANCHORS)[number] {
  const text = readText(given);
  const anchor = ANCHORS.find((known) => known === text);
  if (anchor !== undefined) return anchor;
  throw new ConfigError('config_value', `${given.origin} is none of ${ANCHORS.join(', ')}`, {
    hint: 'write "write" to keep the counter in the HSM after every write, "unseal" for unseal and rotate alone, or "off"',
  });
}

const LEAST_TIMEOUT_MS = 1000;
const MOST_TIMEOUT_MS = 3_600_000;

/** Milliseconds from "30s", "2m" or plain seconds. */
function readTimeout(given: Given): number {
  const milliseconds = parseDuration(readText(given));
  if (milliseconds !== null && milliseconds >= LEAST_TIMEOUT_MS && milliseconds <= MOST_TIMEOUT_MS) return milliseconds;
  throw new ConfigError('config_value', `${given.origin} must be from one second to one hour`, {
    hint: 'write how long one call to the HSM may take, e.g. "30s", the default, or "2m"',
  });
}
