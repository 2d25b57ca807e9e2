import type { PKCS11 } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { mechanismName } from './constants.ts';
import { startGcm } from './gcm.ts';
import { nativeMechanism } from './mechanism.ts';
import type { CFunction } from './module.ts';
import { begin, type OpenSession } from './open.ts';
import type { Key, Mechanism } from './types.ts';

/** What a session does with a key: by which mechanism, and to what. */
export interface Operation {
  readonly session: OpenSession;
  readonly key: Key;
  readonly mechanism: Mechanism;
  readonly data: Uint8Array;
}

/**
 * The way of one operation through the habits of modules. Each step is a call that may take long; run.ts makes it, in this thread
 * or in another, and gives back the answer or throws its CryptokiError. What lies between the steps blocks in any case.
 */
export type Steps<T> = Generator<Call, T, Buffer>;

export interface Call {
  readonly work: Work;
  /** Room for the output, or the signature to verify. */
  readonly other: Buffer;
}

/** A function that works on all the data of an operation, for this thread and for another, and the Init function before it. */
export interface Work {
  readonly name: CFunction;
  readonly init: 'C_EncryptInit' | 'C_DecryptInit' | 'C_SignInit' | 'C_VerifyInit';
  readonly inForeground: (api: PKCS11, session: Buffer, data: Buffer, other: Buffer) => Buffer;
  readonly inBackground: (api: PKCS11, session: Buffer, data: Buffer, other: Buffer) => Promise<Buffer>;
}

/** Calls the Init function. @throws CryptokiError */
export function start(operation: Operation, init: Work['init']): void {
  const { session, key, mechanism } = operation;
  const { module } = session;
  const native = () => nativeMechanism(mechanism, module.gcmLayout);
  const run = (): void =>
    begin(session, () => module.call(init, (api) => api[init](session.handle, native(), key.handle), about(operation)));
  if ('aad' in mechanism) startGcm(module, init, mechanism.iv, run);
  else run();
}

/** Input for a C_ function. With no bytes it still points somewhere: modules refuse a null pointer even of length 0. */
export function input(bytes: Uint8Array): Buffer {
  return bytes.length === 0 ? Buffer.alloc(1).subarray(0, 0) : asBuffer(bytes);
}

/** For messages: the mechanism and the key's label, if the token is still able to tell it. */
export function about({ key, mechanism }: Operation): () => string {
  return () => {
    try {
      return `${mechanismName(mechanism.type)}, key "${key.label}"`;
    } catch {
      return mechanismName(mechanism.type);
    }
  };
}
