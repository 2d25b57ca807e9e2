import { randomBytes } from 'node:crypto';
import type { Attribute } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { CKA, mechanismName } from './constants.ts';
import type { Key } from './types.ts';

/** Pieces of the templates of keys that are generated; ways.ts puts them together. */

const KEY_ID_BYTES = 16;

/** A CKA_ID of 16 random bytes. */
export function newId(): Uint8Array {
  return new Uint8Array(randomBytes(KEY_ID_BYTES));
}

/** Of a key that can never leave the token. */
export function secretAttributes(label: string, id: Uint8Array): Attribute[] {
  return [
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    ...names(label, id),
  ];
}

/** CKA_LABEL and CKA_ID. */
export function names(label: string, id: Uint8Array): Attribute[] {
  return [
    { type: CKA.LABEL, value: label },
    { type: CKA.ID, value: asBuffer(id) },
  ];
}

/** @param forbidden said expressly, since modules allow what a template leaves out */
export function uses(allowed: readonly number[], forbidden: readonly number[] = []): Attribute[] {
  return [...allowed.map((type) => ({ type, value: true })), ...forbidden.map((type) => ({ type, value: false }))];
}

/** For messages. */
export function subject(mechanism: number, label: string): () => string {
  return () => `${mechanismName(mechanism)}, label "${label}"`;
}

/** The same of a key, whose label is read when a message needs it. */
export function keySubject(key: Pick<Key, 'label'>): () => string {
  return () => `key "${key.label}"`;
}
