/** Single values: strings and literals alike ("true" and true, "1" and 1) to what they mean, or a ConfigError. */
import { isAbsolute } from 'node:path';
import { ConfigError } from '../errors.ts';

/** A value and where it was given. */
export interface Given {
  readonly value: unknown;
  /** Begins an error's message: `FILE:4:3: seal "pkcs11": slot` or `environment variable COFFER_HSM_SLOT`. */
  readonly origin: string;
  /** The configuration file that it stands in; null for the environment. */
  readonly file: string | null;
  /** Whether a PIN here is the PIN itself, whatever it begins with, as in the environment and in a URI's pin-value. */
  readonly verbatim: boolean;
}

export function readText({ value, origin }: Given): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value === 'string' && value !== '') return value;
  throw value === ''
    ? new ConfigError('config_value', `${origin} is empty`, { hint: 'give it a value or remove it' })
    : wrongType(origin, 'a string', 'write the value in double quotes');
}

export function readFlag({ value, origin }: Given): boolean {
  const text = String(value).toLowerCase();
  if (['boolean', 'string', 'number'].includes(typeof value)) {
    if (['true', 't', '1'].includes(text)) return true;
    if (['false', 'f', '0'].includes(text)) return false;
  }
  throw wrongType(origin, 'true or false', 'write true or false');
}

const numeric = /^(?:[0-9]+|0[xX][0-9a-fA-F]+)$/;

/** A non-negative number: decimal, or hexadecimal with 0x. */
export function readNumber({ value, origin }: Given): number {
  const isNumber = typeof value === 'number' && Number.isInteger(value) && value >= 0;
  if (!isNumber && !(typeof value === 'string' && numeric.test(value))) {
    throw wrongType(origin, 'a non-negative number', 'write it in decimal, or in hexadecimal as 0x1f');
  }
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new ConfigError('config_value', `${origin} is too large`, { hint: 'write a number that is meant there' });
}

/** A CK_SLOT_ID: decimal or 0x, up to 2^64 - 1. */
export function readSlot(given: Given): bigint {
  const { value, origin } = given;
  if (typeof value === 'number' && value > Number.MAX_SAFE_INTEGER) {
    // The parser has rounded it already.
    throw new ConfigError('config_value', `${origin} is too large to be written without quotes`, {
      hint: 'write it in double quotes',
    });
  }
  const isDigits = typeof value === 'string' && numeric.test(value);
  const slot = isDigits ? BigInt(value) : BigInt(readNumber(given));
  if (slot < 1n << 64n) return slot;
  throw new ConfigError('config_value', `${origin} is larger than a slot number can be (2^64 - 1)`, {
    hint: 'write the number that coffer hsm slots shows, or choose the token by token_label or serial',
  });
}

export function readAbsolutePath(given: Given): string {
  const path = readText(given);
  if (isAbsolute(path) && !path.includes('\0')) return path;
  throw new ConfigError('config_value', `${given.origin} must be an absolute path`, {
    hint: 'write the whole path, beginning with "/"',
  });
}

/** Bytes from hexadecimal, with or without 0x. */
export function readHex(given: Given): Uint8Array {
  const text = readText(given);
  if (/^(?:0[xX])?(?:[0-9a-fA-F]{2})+$/.test(text))
    return new Uint8Array(Buffer.from(text.replace(/^0[xX]/, ''), 'hex'));
  throw new ConfigError('config_value', `${given.origin} must be hexadecimal, two digits a byte`, {
    hint: 'write it as "0x01ab" or "01ab"',
  });
}

export function wrongType(origin: string, wanted: string, hint: string): ConfigError {
  return new ConfigError('config_type', `${origin} must be ${wanted}`, { hint });
}
