import { type Hint, HsmError } from '../errors.ts';
import { numberIn, readAttributes } from './attributes.ts';
import { CKA, CKK, CKO, CKR, keyTypeName } from './constants.ts';
import { destroyIfThere } from './destroy.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import { describeName, isNamed, type KeyName } from './key-name.ts';
import { findHandles, findKeys } from './keys.ts';
import type { OpenSession } from './open.ts';
import type { GeneratedKey, KeyClass } from './types.ts';
import { isWayRefused } from './ways.ts';

/** Fewer could be somebody else's id, too. */
const OWN_ID_BYTES = 16;

/**
 * Looks at a key that was just made, as far as the token tells, and for it.
 * @returns the id that it really has. An id of zeros lets a token choose one (YubiHSM 2)
 * @throws HsmError `hsm_wrong_answer` for another class, type, label or id than was asked for, and where it is not found again
 */
export function requireAsAsked(session: OpenSession, key: GeneratedKey): Uint8Array {
  const { handle, class: keyClass, type, label, id } = key;
  const asked = [CKA.CLASS, CKA.KEY_TYPE, CKA.LABEL, CKA.ID];
  const [itsClass, itsType, itsLabel, itsId] = readAttributes(session, handle, asked);
  const [foundClass, foundType] = [numberIn(itsClass), numberIn(itsType)];
  if (foundClass !== null && foundClass !== CLASSES[keyClass])
    throw wrongKey(key, `it is of another class (CKA_CLASS ${foundClass}) than a ${keyClass} key`);
  if (foundType !== null && foundType !== type && !(isForHmac(foundType) && isForHmac(type)))
    throw wrongKey(key, `it is of the type ${keyTypeName(foundType)}, and not ${keyTypeName(type)}`);
  const name = {
    label: itsLabel?.toString('utf8') ?? label,
    id: itsId === null || itsId === undefined ? id : new Uint8Array(itsId),
  };
  if (!isNamed(name, { label, id: isZero(id) ? null : id })) throw wrongKey(key, `it has ${describeName(name)}`);
  if (findKeys(session, { class: keyClass, label, id: name.id }).length === 0)
    throw wrongKey(key, 'nothing is found under its label and id');
  return name.id;
}

const CLASSES = { secret: CKO.SECRET_KEY, private: CKO.PRIVATE_KEY, public: CKO.PUBLIC_KEY } as const;

/** Two names of one thing. */
function isForHmac(type: number | null): boolean {
  return type === CKK.GENERIC_SECRET || type === CKK.SHA256_HMAC;
}

function isZero(id: Uint8Array): boolean {
  return id.every((byte) => byte === 0);
}

/** What came instead of the key that was asked for. */
export function wrongKey(
  { label, type }: Pick<GeneratedKey, 'label' | 'type'>,
  problem: string,
  cause: HsmError | null = null,
): HsmError {
  const message = `the HSM made another key than the ${keyTypeName(type)} key "${label}" that it was asked for: ${problem}`;
  const hint = "it was removed again; make the key with the HSM's own tool instead";
  return new HsmError('hsm_wrong_answer', message, {
    hint: cause?.hint == null ? hint : [`${hint}. `, cause.hint],
    cause,
  });
}

/** For a key that should not stay, and could not be removed. */
export function keyLeft(name: KeyName, reason: unknown): HsmError {
  const problem = `a key that was made could not be removed again (${describeName(name)}), after this: ${messageOf(reason)}`;
  return new HsmError('key_left', problem, {
    hint: "nothing uses it: remove it by its label and id with the HSM's own tool, then run the command again",
    cause: reason,
  });
}

function messageOf(reason: unknown): string {
  return reason instanceof HsmError ? reason.message : 'an unexpected error';
}

/**
 * Runs what makes a key. Where that fails half way there may be something all the same (a half of a pair; YubiHSM 2 keeps the key
 * whose long id it cannot write): what has the key's own id is removed, and what only has its label is named, since somebody else may have
 * made it meanwhile.
 */
export function orNothing<T>(session: OpenSession, classes: readonly KeyClass[], name: KeyName, make: () => T): T {
  const search = (): Buffer[] => classes.flatMap((each) => findHandles(session, each, name.label));
  const before = search();
  try {
    return make();
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    throw withoutTraces(session, error, name, () => search().filter((one) => !before.some((old) => old.equals(one))));
  }
}

/** @returns the error to throw */
function withoutTraces(
  session: OpenSession,
  error: CryptokiError,
  { label, id }: KeyName,
  search: () => Buffer[],
): HsmError {
  try {
    const left = search().flatMap((handle) => {
      const [found] = readAttributes(session, handle, [CKA.ID]);
      const name = { label, id: new Uint8Array(found ?? []) };
      if (id.length < OWN_ID_BYTES || !isNamed(name, { label: null, id })) return [name];
      destroyIfThere(session, { handle, label });
      return [];
    });
    // A refused template makes nothing, and what is there is somebody else's; a rejected call can have made half of it.
    const madeNothing = isWayRefused(error) && !isReturnValue(error, CKR.FUNCTION_REJECTED);
    if (left.length === 0 || madeNothing) return error;
    const names = left.map((name) => describeName(name)).join('; ');
    return told(
      error,
      `a key is on the token since then that may be a part of this one (${names}): if nothing uses it, remove it with the HSM's own tool`,
    );
  } catch (further) {
    if (!(further instanceof CryptokiError)) throw further;
    return told(
      error,
      `whether a part of the key is on the token is not known: look for ${describeName({ label, id })} with \`coffer hsm keys\``,
    );
  }
}

/** The error with one thing more to know. */
function told({ code, message, hint, cause }: HsmError, more: string): HsmError {
  const hints: Hint = hint === null ? more : [hint, `. And ${more}`];
  return new HsmError(code, message, { hint: hints, cause });
}
