import type { PKCS11 } from 'pkcs11js';
import { about, input, type Operation, type Steps } from './operation.ts';
import type { OpenSession } from './open.ts';
import { decrypt, encrypt, sign } from './operations.ts';
import type { Cipher, Session } from './types.ts';
import { verify } from './verify.ts';

/** The operations of a session in this thread, which they block. */
export function foregroundCipher(session: OpenSession): Pick<Session, keyof Cipher> {
  return {
    encrypt: (key, mechanism, data) => inForeground({ session, key, mechanism, data }, encrypt),
    decrypt: (key, mechanism, data) => inForeground({ session, key, mechanism, data }, decrypt),
    sign: (key, mechanism, data) => inForeground({ session, key, mechanism, data }, sign),
    verify: (key, mechanism, data, signature) =>
      inForeground({ session, key, mechanism, data }, (operation) => verify(operation, signature)),
  };
}

/** The same in threads of their own (PKCS#11 v2.40 section 2.6: sessions of one application work side by side). */
export function backgroundCipher(session: OpenSession): Cipher {
  return {
    encrypt: (key, mechanism, data) => inBackground({ session, key, mechanism, data }, encrypt),
    decrypt: (key, mechanism, data) => inBackground({ session, key, mechanism, data }, decrypt),
    sign: (key, mechanism, data) => inBackground({ session, key, mechanism, data }, sign),
    verify: (key, mechanism, data, signature) =>
      inBackground({ session, key, mechanism, data }, (operation) => verify(operation, signature)),
  };
}

type Way<T> = (operation: Operation) => Steps<T>;

/** @throws CryptokiError */
function inForeground<T>(operation: Operation, way: Way<T>): T {
  const { session, data } = operation;
  const steps = way(operation);
  let step = steps.next();
  while (step.done !== true) {
    const { work, other } = step.value;
    const call = (api: PKCS11): Buffer => work.inForeground(api, session.handle, input(data), other);
    try {
      step = steps.next(session.module.call(work.name, call, about(operation)));
    } catch (error) {
      step = steps.throw(error); // an error of the way's own ended it, and comes out again
    }
  }
  return step.value;
}

/** @throws CryptokiError */
async function inBackground<T>(operation: Operation, way: Way<T>): Promise<T> {
  const { session, data } = operation;
  const steps = way(operation);
  let step = steps.next();
  while (step.done !== true) {
    const { work, other } = step.value;
    const call = (api: PKCS11): Promise<Buffer> => work.inBackground(api, session.handle, input(data), other);
    try {
      step = steps.next(await session.module.callInBackground(work.name, call, about(operation)));
    } catch (error) {
      step = steps.throw(error);
    }
  }
  return step.value;
}
