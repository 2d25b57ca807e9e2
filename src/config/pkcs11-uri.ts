/** PKCS#11 URIs (RFC 7512). No message here quotes a value, which may be a PIN. */
import { isAbsolute } from 'node:path';
import { ConfigError } from '../errors.ts';
import { nearest } from '../nearest.ts';

/** What a URI says; null for what it leaves open. */
export interface Pkcs11Uri {
  readonly token: string | null;
  readonly manufacturer: string | null;
  readonly serial: string | null;
  readonly model: string | null;
  /** In decimal digits. */
  readonly slotId: string | null;
  /** The key's label. */
  readonly object: string | null;
  /** The key's CKA_ID, at least one byte. */
  readonly id: Uint8Array | null;
  readonly type: 'private' | 'secret-key' | null;
  /** Absolute path of the file that holds the PIN. */
  readonly pinSource: string | null;
  readonly pinValue: string | null;
  readonly modulePath: string | null;
}

const pathAttributes = ['token', 'manufacturer', 'serial', 'model', 'slot-id', 'object', 'id', 'type'] as const;
const queryAttributes = ['pin-source', 'pin-value', 'module-path'] as const;

/** Attributes of RFC 7512 that coffer has no use for. To ignore one would be to take a token that it rules out. */
const unsupported: ReadonlyMap<string, string> = new Map([
  ['library-manufacturer', 'name the module with module-path'],
  ['library-description', 'name the module with module-path'],
  ['library-version', 'name the module with module-path'],
  ['slot-description', 'choose the slot with slot-id, or the token with token or serial'],
  ['slot-manufacturer', 'choose the slot with slot-id, or the token with token or serial'],
  ['module-name', 'name the module with module-path=/path/to/module.so'],
]);

// RFC 7512 section 2.3: unreserved, pk11-res-avail, and what the path and the query have beside them.
const pathText = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/;
const queryText = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*$/;

/**
 * Throws a ConfigError, whose message `origin` begins, for what is not a PKCS#11 URI, for an attribute that is there
 * twice, and for one that coffer cannot honour.
 */
export function parsePkcs11Uri(text: string, origin: string): Pkcs11Uri {
  if (!/^pkcs11:/i.test(text))
    throw invalid(`${origin} does not begin with "pkcs11:"`, 'write it as "pkcs11:token=demo"');
  const [path = '', query = null] = splitOnce(text.slice('pkcs11:'.length), '?');
  const values = new Map<string, Uint8Array>();
  readAttributes(path, 'path', values, origin);
  if (query !== null) readAttributes(query, 'query', values, origin);
  if (values.has('pin-source') && values.has('pin-value')) {
    throw invalid(`${origin} has both pin-source and pin-value`, 'keep one of them (RFC 7512 section 2.4)');
  }

  const read = (name: string): string | null => decodeText(values.get(name), `${origin}: ${name}`);
  return {
    token: read('token'),
    manufacturer: read('manufacturer'),
    serial: read('serial'),
    model: read('model'),
    slotId: toSlotId(read('slot-id'), origin),
    object: read('object'),
    id: values.get('id') ?? null,
    type: toType(read('type'), origin),
    pinSource: toPinFile(read('pin-source'), origin),
    pinValue: read('pin-value'),
    modulePath: read('module-path'),
  };
}

function readAttributes(text: string, part: 'path' | 'query', values: Map<string, Uint8Array>, origin: string): void {
  if (text === '') return;
  for (const attribute of text.split(part === 'path' ? ';' : '&')) {
    const [name = '', value = null] = splitOnce(attribute, '=');
    if (value === null) {
      throw invalid(`${origin}: an attribute in the ${part} has no "="`, `write name=value; ${separators}`);
    }
    requireKnown(name, part, values.has('pin-value'), origin);
    if (values.has(name)) throw invalid(`${origin} has ${name} twice`, 'keep one of them');
    if (value === '') throw invalid(`${origin}: ${name} is empty`, 'give it a value or remove it');
    if (!(part === 'path' ? pathText : queryText).test(value)) {
      const hint = 'percent-encode it: a blank is %20, "/" is %2F, ";" is %3B, "?" is %3F, "&" is %26, "%" is %25';
      throw invalid(`${origin}: ${name} holds a character that may not stand there as it is`, hint);
    }
    values.set(name, percentDecode(value));
  }
}

const separators = 'the path separates attributes with ";", the query, after "?", with "&"';

function requireKnown(name: string, part: 'path' | 'query', afterPin: boolean, origin: string): void {
  const here: readonly string[] = part === 'path' ? pathAttributes : queryAttributes;
  const there: readonly string[] = part === 'path' ? queryAttributes : pathAttributes;
  if (here.includes(name)) return;
  if (there.includes(name)) {
    const where = part === 'path' ? 'after "?"' : 'before "?"';
    throw invalid(`${origin}: ${name} must stand ${where}`, separators);
  }
  const hint = unsupported.get(name);
  if (hint !== undefined) throw new ConfigError('unsupported', `${origin}: ${name} is not supported`, { hint });
  // A PIN with a bare "&" in it goes on as the name of another attribute.
  if (afterPin) {
    throw invalid(`${origin}: what follows pin-value is no attribute`, 'in a PIN, write "&" as %26 and "%" as %25');
  }
  const near = nearest(name, here);
  const known = `known here: ${here.join(', ')}`;
  const shown = /^[A-Za-z][A-Za-z0-9_-]*$/.test(name) ? ` ${JSON.stringify(name)}` : '';
  const question = near === null ? '' : `; did you mean "${near}"?`;
  throw new ConfigError('config_unknown_key', `${origin}: unknown attribute${shown} in the ${part}${question}`, {
    hint: near === null ? `remove it; ${known}` : `write ${near}, or remove it`,
  });
}

/** `text` before and after the first `separator`; one piece where there is none. */
function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function percentDecode(value: string): Uint8Array {
  const bytes: number[] = [];
  for (const [part] of value.matchAll(/%..|./g)) {
    bytes.push(part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0));
  }
  return Uint8Array.from(bytes);
}

function decodeText(bytes: Uint8Array | undefined, origin: string): string | null {
  if (bytes === undefined) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(`${origin} is not UTF-8 text`, 'percent-encode the bytes of its UTF-8 form');
  }
}

function toSlotId(value: string | null, origin: string): string | null {
  if (value === null || /^[0-9]+$/.test(value)) return value;
  throw invalid(`${origin}: slot-id must be a decimal number`, 'write it in decimal, such as slot-id=3');
}

function toType(value: string | null, origin: string): Pkcs11Uri['type'] {
  if (value === null || value === 'private' || value === 'secret-key') return value;
  const hint = 'name the key that decrypts: an RSA private key or a secret key';
  throw invalid(`${origin}: type must be private or secret-key`, hint);
}

/** RFC 7512 section 2.4 lets a pin-source be a command to run, which a configuration of ours must not. */
function toPinFile(value: string | null, origin: string): string | null {
  if (value === null) return null;
  const hint = 'write pin-source=file:/path/to/pin';
  if (value.startsWith('|')) {
    throw new ConfigError('unsupported', `${origin}: pin-source is a command, and coffer runs none`, { hint });
  }
  // RFC 8089: file:/path and file:///path; a host may stand after the two slashes, and a file of it is not ours.
  const path = /^file:(?:\/\/(?=\/)|(?!\/\/))(.*)$/s.exec(value)?.[1] ?? value;
  if (isAbsolute(path) && !path.includes('\0')) return path;
  throw invalid(`${origin}: pin-source must be the absolute path of a file`, hint);
}

function invalid(message: string, hint: string): ConfigError {
  return new ConfigError('config_value', message, { hint });
}
