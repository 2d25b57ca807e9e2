import { base64, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { optionalText } from '../parameters.ts';
import { publicText } from './describe.ts';
import type { FoundVersion, Key } from './key.ts';
import { base64Pair, privateKeyOf, publicKeyOf } from './material.ts';
import { type KeyType, signs, typeOf } from './types.ts';

/**
 * How exported keys are written: raw for the bytes in base64, der for SubjectPublicKeyInfo or PKCS#8 in base64, pem for PEM of
 * these; null as the type has it by itself.
 */
export type ExportForm = (typeof FORMS)[number] | null;
const FORMS = ['raw', 'der', 'pem'] as const;

/** @param pair whether a half of a key pair is exported @throws UsageError `bad_parameter` */
export function exportForm(data: JsonObject, type: KeyType, pair: boolean): ExportForm {
  const given = optionalText(data, 'format');
  if (given === null) return null;
  const form = FORMS.find((known) => known === given);
  if (form === undefined) throw new UsageError('bad_parameter', `format must be one of: ${FORMS.join(', ')}`);
  const forms = !pair || !signs(type) ? ['raw'] : type.family === 'ed25519' ? FORMS : ['der', 'pem'];
  if (forms.includes(form)) return form;
  const problem = `what is exported of this key of type ${type.name} cannot be written as ${form}`;
  throw new UsageError('bad_parameter', problem, { hint: `leave format out, or give: ${forms.join(', ')}` });
}

/** PEM without a newline at its end; of ed25519 without a form the raw key. */
export function publicForm(key: Key, found: FoundVersion, form: ExportForm): string {
  if (form === 'raw' || (form === null && key.type === 'ed25519')) return publicText(key, found, null);
  const publicKey = publicKeyOf(key, found, null);
  return form === 'der'
    ? base64(publicKey.export({ type: 'spki', format: 'der' }))
    : publicKey.export({ type: 'spki', format: 'pem' }).toString().trimEnd();
}

/**
 * A raw key in base64; ed25519 as 64 bytes, the seed and the public key; EC keys in PEM of SEC 1 (RFC 5915), RSA keys in PEM of
 * PKCS#1, or either in the form that is asked for. PEM of an RSA key ends with a newline, as on a server. Empty where only the
 * public key is there.
 */
export function secretForm(key: Key, found: FoundVersion, form: ExportForm): string {
  const secret = found.version.key;
  if (secret === null) return '';
  const { family } = typeOf(key.type);
  if (family === 'aead' || family === 'hmac') return base64(secret);
  if (family === 'ed25519' && (form === null || form === 'raw')) return base64Pair(secret, found.version);
  const privateKey = privateKeyOf({ ...key, derived: false }, found, null);
  if (form === 'der') {
    const der = privateKey.export({ type: 'pkcs8', format: 'der' });
    const text = base64(der);
    zero(der);
    return text;
  }
  const syntax = form === 'pem' ? 'pkcs8' : family === 'rsa' ? 'pkcs1' : 'sec1';
  const pem = privateKey.export({ type: syntax, format: 'pem' }).toString();
  return family === 'rsa' ? pem : pem.trimEnd();
}
