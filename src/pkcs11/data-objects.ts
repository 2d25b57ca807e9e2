import type { Attribute } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { readTogether } from './attributes.ts';
import { CKA, CKO, CKR } from './constants.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import { findObjects } from './keys.ts';
import type { OpenSession } from './open.ts';
import type { DataObject } from './types.ts';

/** Whose objects they are (CKA_APPLICATION). */
const APPLICATION = 'coffer';

/** The private data objects of coffer's with a label, each with its value. One that another process removes meanwhile is left out. */
export function findData(session: OpenSession, label: string): DataObject[] {
  const template = [{ type: CKA.CLASS, value: CKO.DATA }, ...names(label)];
  return findObjects(session, template, false).flatMap((handle) => {
    const value = valueOf(session, handle);
    return value === null ? [] : [{ handle, label, value }];
  });
}

function valueOf(session: OpenSession, object: Buffer): Uint8Array | null {
  try {
    const [value] = readTogether(session, object, [CKA.VALUE]);
    return new Uint8Array(value ?? []);
  } catch (error) {
    if (isReturnValue(error, CKR.OBJECT_HANDLE_INVALID)) return null;
    throw error;
  }
}

/** A token object that only a login shows, and that can be changed. The session must be read-write. */
export function createData({ module, handle }: OpenSession, label: string, value: Uint8Array): DataObject {
  const template = [
    { type: CKA.CLASS, value: CKO.DATA },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.MODIFIABLE, value: true },
    ...names(label),
    { type: CKA.VALUE, value: asBuffer(value) },
  ];
  const object = module.call('C_CreateObject', (api) => api.C_CreateObject(handle, template), about(label));
  return { handle: object, label, value };
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
