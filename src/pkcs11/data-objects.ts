import type { Attribute } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { readAttribute, readAttributes, readTogether } from './attributes.ts';
import { CKA, CKO, CKR } from './constants.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import { findObjects } from './keys.ts';
import type { OpenSession } from './open.ts';
import type { DataObject } from './types.ts';

/** Whose objects they are (CKA_APPLICATION). */
const APPLICATION = 'coffer';

/**
 * The private data objects of coffer's with a label, each with its value. One that another process removes meanwhile is left out, and so
 * are public ones: a token lets whoever reaches it make such an object, without a PIN.
 */
export function findData(session: OpenSession, label: string): DataObject[] {
  const template = [{ type: CKA.CLASS, value: CKO.DATA }, ...names(label)];
  return findObjects(session, template, false).flatMap((handle) => {
    const value = privateValue(session, handle);
    return value === null ? [] : [{ handle, label, value }];
  });
}

function privateValue(session: OpenSession, object: Buffer): Uint8Array | null {
  try {
    const [value, isPrivate] = readAttributes(session, object, [CKA.VALUE, CKA.PRIVATE]);
    if (isPrivate?.[0] === 0) return null;
    return new Uint8Array(value ?? readTogether(session, object, [CKA.VALUE])[0] ?? []); // the latter says why there is none
  } catch (error) {
    if (isReturnValue(error, CKR.OBJECT_HANDLE_INVALID)) return null;
    throw error;
  }
}

/**
 * A token object that only a login shows, and that can be changed. The session must be read-write.
 * @throws HsmError `anchor_refused` for a token that makes it a public one; CryptokiError
 */
export function createData(session: OpenSession, label: string, value: Uint8Array): DataObject {
  const { module, handle } = session;
  const template = [
    { type: CKA.CLASS, value: CKO.DATA },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.MODIFIABLE, value: true },
    ...names(label),
    { type: CKA.VALUE, value: asBuffer(value) },
  ];
  const object = module.call('C_CreateObject', (api) => api.C_CreateObject(handle, template), about(label));
  const made = { handle: object, label, value };
  if (readAttribute(session, object, CKA.PRIVATE)?.[0] !== 0) return made;
  destroyData(session, made);
  const problem =
    'the token makes a data object, which an anchor is, a public one, which anybody may change without a PIN';
  throw new HsmError('anchor_refused', problem, {
    hint: 'set anchor = "off" in the seal stanza, or choose a token that keeps private data objects (CKA_PRIVATE)',
  });
}

/** What Yubico's module 2.7.0 and 2.8.0 says to one that only a login shows. It is not asked, for it never returns from the call after that. */
export function dataObjectRefused(label: string): CryptokiError {
  return new CryptokiError('C_CreateObject', CKR.ATTRIBUTE_VALUE_INVALID, `${about(label)()}; not called`);
}

/** Gives it another value. The session must be read-write. */
export function changeData({ module, handle }: OpenSession, object: DataObject, value: Uint8Array): void {
  const template = [{ type: CKA.VALUE, value: asBuffer(value) }];
  const subject = about(object.label);
  module.call('C_SetAttributeValue', (api) => api.C_SetAttributeValue(handle, object.handle, template), subject);
}

/** The session must be read-write. */
export function destroyData({ module, handle }: OpenSession, { handle: object, label }: DataObject): void {
  module.call('C_DestroyObject', (api) => api.C_DestroyObject(handle, object), about(label));
}

function names(label: string): Attribute[] {
  return [
    { type: CKA.LABEL, value: label },
    { type: CKA.APPLICATION, value: APPLICATION },
  ];
}

function about(label: string): () => string {
  return () => `data object "${label}"`;
}
