import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { optionalInteger, optionalText } from '../parameters.ts';

const ENCODE_FIRST = 'encode it first, for example with: base64 -w0';

/** Standard base64 with padding (RFC 4648 section 4); line breaks are ignored, as Vault does. @throws UsageError `bad_base64`, never with the text in it */
export function decodeBase64(text: string, name: string, hint = ENCODE_FIRST): Buffer {
  const compact = text.replace(/[\r\n]/g, '');
  if (compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return Buffer.from(compact, 'base64');
  throw new UsageError('bad_base64', `${name} is not base64`, { hint });
}

/** URL-safe base64 without padding (RFC 7515 section 2), with line breaks as above. @throws UsageError `bad_base64` */
export function decodeBase64Url(text: string, name: string, hint: string): Buffer {
  const compact = text.replace(/[\r\n]/g, '');
  if (compact.length % 4 !== 1 && /^[A-Za-z0-9_-]*$/.test(compact)) return Buffer.from(compact, 'base64url');
  throw new UsageError('bad_base64', `${name} is not URL-safe base64 without padding`, { hint });
}

/** Base64 among the data of a request; null when it is not given. @throws UsageError `bad_base64`, `bad_parameter` */
export function optionalBase64(data: JsonObject, name: string): Buffer | null {
  const text = optionalText(data, name);
  return text === null ? null : decodeBase64(text, name);
}

/** Base64 that must be given, but may be empty. @throws UsageError `missing_parameter`, `bad_base64`, `bad_parameter` */
export function requiredBase64(data: JsonObject, name: string): Buffer {
  if (data[name] === '') return Buffer.alloc(0);
  const bytes = optionalBase64(data, name);
  if (bytes === null) throw missing(name);
  return bytes;
}

/** Text that must be given and not be empty. @throws UsageError `missing_parameter`, `bad_parameter` */
export function requiredText(data: JsonObject, name: string): string {
  if (data[name] === '') throw missing(name);
  const text = optionalText(data, name);
  if (text === null) throw missing(name);
  return text;
}

/** The version to use; 0, and none given, stand for the newest. @throws UsageError `bad_parameter` */
export function keyVersion(data: JsonObject): number {
  return optionalInteger(data, 'key_version', { min: 0 }) ?? 0;
}

/** One of a few words, or the first of them when none is given. @throws UsageError `bad_parameter` */
export function choice<Word extends string>(data: JsonObject, name: string, words: readonly [Word, ...Word[]]): Word {
  const given = optionalText(data, name);
  if (given === null) return words[0];
  const word = words.find((candidate) => candidate === given);
  if (word === undefined) throw new UsageError('bad_parameter', `${name} must be one of: ${words.join(', ')}`);
  return word;
}

function missing(name: string): UsageError {
  return new UsageError('missing_parameter', `${name} is missing`, { hint: `give ${name}=...` });
}
