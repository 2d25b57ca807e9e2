import { CofferError, HsmError } from '../errors.ts';
import {
  CKR,
  CryptokiError,
  describeName,
  type GeneratedKey,
  isReturnValue,
  type Key,
  type Session,
} from '../pkcs11/index.ts';

/** While one is made: what a module that ends the process may leave. */
export const MAY_BE_LEFT = 'a key that it made may be in the HSM: see `coffer hsm keys`';

/**
 * Destroys keys that this process made, after an error for which they must not stay.
 * @returns the error to throw: the same, or HsmError `key_left` where one of them could not be destroyed
 */
export async function withoutKeys(session: Session, made: readonly GeneratedKey[], error: unknown): Promise<unknown> {
  const left = await takeBack(session, made, error);
  if (left.length === 0) return error;
  const names = left.map((key) => describeName(key)).join('; ');
  const reason = error instanceof CofferError ? error.message : 'an unexpected error';
  const problem = `a key that was made on token "${session.token.label}" could not be taken back (${names}), after this: ${reason}`;
  return new HsmError('key_left', problem, {
    hint: "nothing uses it: remove it by its label and id with the HSM's own tool, then run the command again",
    cause: error,
  });
}

/**
 * In the order in which they were made. What ends the session may have been the error, so that it gets a second try with a new start. All
 * are looked for then: Yubico's module forgets the id of a key that it could not destroy, and finds it again when it starts anew. Where a
 * login has failed there is none, since the PIN would be sent again; nor is a key seen without a login, so that one that is not found is gone
 * only after a start that succeeded.
 * @returns those that are left
 */
async function takeBack(
  session: Session,
  made: readonly GeneratedKey[],
  error: unknown,
): Promise<readonly GeneratedKey[]> {
  const failedAt = error instanceof CryptokiError ? error.operation : null;
  const left = made.filter((key) => destroyed(session, key) !== 'yes');
  if (failedAt === 'C_Login') return left;
  const isUnsure = failedAt === 'C_DestroyObject';
  if (left.length === 0 && !isUnsure) return left;
  try {
    await session.restart();
  } catch (further) {
    if (further instanceof HsmError) return isUnsure ? made : left;
    throw further;
  }
  return made.filter((key) => destroyed(session, key) === 'no');
}

/** What became of a key that was to be destroyed. */
type Destroyed = 'yes' | 'no' | 'not found';

function destroyed(session: Session, key: GeneratedKey): Destroyed {
  try {
    const objects = objectsOf(session, key);
    for (const object of objects) destroy(session, object);
    return objects.some((object) => object.class === key.class) ? 'yes' : 'not found';
  } catch (error) {
    if (error instanceof HsmError) return 'no';
    throw error;
  }
}

function destroy(session: Session, object: Key): void {
  try {
    session.destroyKey(object);
  } catch (error) {
    if (!isReturnValue(error, CKR.OBJECT_HANDLE_INVALID)) throw error;
  }
}

/**
 * The objects of a key of this process, looked up since a new start of the module makes handles void: the private half first,
 * without which the public does no harm.
 * @throws HsmError `key_ambiguous` where another key of this name could be somebody else's
 */
export function objectsOf(session: Session, { class: keyClass, label, id, publicHalf }: GeneratedKey): Key[] {
  const classes = publicHalf === null ? [keyClass] : ([keyClass, 'public'] as const);
  return classes.flatMap((each) => {
    const found = session.findKeys({ class: each, label, id });
    if (found.length < 2) return found;
    const where = `on token "${session.token.label}"`;
    throw new HsmError('key_ambiguous', `several keys ${where} have ${describeName({ label, id })}`);
  });
}
