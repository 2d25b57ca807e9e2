import { CofferError, HsmError } from '../errors.ts';
import { CKR, describeName, type GeneratedKey, isReturnValue, type Key, type Session } from '../pkcs11/index.ts';

/**
 * Destroys keys that this process made, after an error for which they must not stay.
 * @returns the error to throw: the same, or HsmError `key_left` where one of them could not be destroyed
 */
export async function withoutKeys(session: Session, made: readonly GeneratedKey[], error: unknown): Promise<unknown> {
  const left = await takeBack(session, made);
  if (left.length === 0) return error;
  const names = left.map((key) => describeName(key)).join('; ');
  const reason = error instanceof CofferError ? error.message : 'an unexpected error';
  const problem = `a key that was made on token "${session.token.label}" could not be taken back (${names}), after this: ${reason}`;
  return new HsmError('key_left', problem, {
    hint: "nothing uses it: remove it by its label and id with the HSM's own tool, then run the command again",
    cause: error,
  });
}

/** In the order in which they were made. What ends the session may have been the error, so that it gets a second try with a new start. */
async function takeBack(session: Session, made: readonly GeneratedKey[]): Promise<GeneratedKey[]> {
  const left = made.filter((key) => !destroyed(session, key));
  if (left.length === 0) return [];
  try {
    await session.restart();
  } catch (error) {
    if (error instanceof HsmError) return left;
    throw error;
  }
  return left.filter((key) => !destroyed(session, key));
}

function destroyed(session: Session, key: GeneratedKey): boolean {
  try {
    for (const object of objectsOf(session, key)) destroy(session, object);
    return true;
  } catch (error) {
    if (error instanceof HsmError) return false;
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
