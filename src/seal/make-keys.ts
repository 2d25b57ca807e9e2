import { HsmError } from '../errors.ts';
import {
  CryptokiError,
  describeHsmChange,
  describeName,
  type GeneratedKey,
  isNamed,
  type Key,
  type KeyName,
  listKeys,
  type Session,
  wrongKey,
} from '../pkcs11/index.ts';
import { newTicket, provisionalId } from './provisional-id.ts';
import { MAY_BE_LEFT, objectsOf, withoutKeys } from './take-back.ts';

/** How long the first in order waits for another program to take its key back. */
const PATIENCE_MS = 3000;
const POLL_MS = 100;

export interface NewKey {
  readonly label: string;
  /** CKA_ID, or null for a random one. */
  readonly id: Uint8Array | null;
  readonly make: (id: Uint8Array) => GeneratedKey;
  /** The keys of others that this one could not be told from, or that are being made to have its id. */
  readonly rivals: (isOthers: (key: Key) => boolean) => readonly Key[];
}

/**
 * Makes keys that the caller has found to be missing, each the only one of its name, or none.
 *
 * Tokens have no lock, and let two programs make a key of one name at the same moment: both are there then, and neither can be
 * chosen. So each program makes its keys first and looks afterwards.
 *
 * 1. It makes its keys under ids of its own, which `provisional-id.ts` describes: it will know them again, and others see in them
 *    which id a key is to have.
 * 2. It starts the module anew, since modules keep what they saw (SoftHSM 2.6 can overlook another process's key for good), and
 *    looks for rivals: all keys that fit, whenever they were made. What was there before the first look would have been the end of
 *    it there, so that no snapshot is kept, and nothing can slip in between a look and a snapshot.
 *    Of keys with a chosen id, those of one id are rivals, and those of one label are not: they can be told apart.
 * 3. Where it sees none, its keys stay. It gives them the ids that were asked for. A rival that is made later sees them.
 * 4. Where it sees one with a smaller id, it takes its own back. The ticket at the beginning of each id makes this one order for all
 *    keys of a program. Where all that it sees have greater ids, it waits for those to go and looks again. One that
 *    stays has looked before and won, or is a key of somebody who knows nothing of this, and it takes its own back.
 *
 * Two cannot both keep a key of one name. The one whose key was made later looked after both were there, and the other
 * never took its key back. Both can give up, where one stands still for longer than the other waits: then there is none, and
 * both say so. A program destroys only what it has made itself.
 * @throws HsmError `key_raced` when another program made one of them; of these only a key that nobody else made is left then, which the
 *   other program may use already. `key_left` where it is
 */
export async function makeKeys(session: Session, wanted: readonly NewKey[]): Promise<GeneratedKey[]> {
  if (wanted.length === 0) return [];
  const ticket = newTicket();
  describeHsmChange(MAY_BE_LEFT);
  const held: GeneratedKey[] = [];
  try {
    for (const { id, make } of wanted) held.push(make(provisionalId(ticket, id)));
    const made = [...held];
    await settle(session, ticket, wanted, held);
    return made.map((key, at) => named(session, key, wanted[at] ?? null, held));
  } catch (error) {
    const reason = await withoutKeys(session, held, error);
    if (reason === error) describeHsmChange(null);
    throw reason;
  }
}

async function settle(
  session: Session,
  ticket: Uint8Array,
  wanted: readonly NewKey[],
  held: GeneratedKey[],
): Promise<void> {
  const made = [...held];
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    await session.restart();
    const isOthers = (key: Key): boolean => !made.some((own) => isSame(session, own, key));
    const rivals = wanted.flatMap((key) => key.rivals(isOthers).map((rival) => ({ key, rival })));
    const [first] = rivals;
    if (first === undefined) return;
    const smaller = rivals.find(({ rival }) => Buffer.compare(ticket, rival.id) > 0);
    if (smaller !== undefined || performance.now() > deadline) {
      // A key without a rival may be one that another program has found and uses already, so it stays.
      held.splice(
        0,
        held.length,
        ...made.filter((_, at) => wanted[at]?.id !== null || rivals.some(({ key }) => key === wanted[at])),
      );
      const { key } = smaller ?? first;
      throw raced(
        session,
        key,
        rivals.filter((each) => each.key === key).map(({ rival }) => rival),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Whether a key that was found is one of this process: by its id or, where the token does not tell that, by a search for it. */
function isSame(session: Session, { class: keyClass, label, id }: GeneratedKey, key: Key): boolean {
  if (key.id.length > 0) return isNamed(key, { label: null, id });
  return session.findKeys({ class: keyClass, label, id }).some(({ handle }) => handle.equals(key.handle));
}

/**
 * Gives a key the id that was asked for. A token that changes no ids makes another one with that id, and only then is the first one
 * removed: at every moment there is one that a rival sees.
 * @param held gets what is to be destroyed if a later step fails
 */
function named(session: Session, key: GeneratedKey, wanted: NewKey | null, held: GeneratedKey[]): GeneratedKey {
  const objects = objectsOf(session, key);
  if (objects.length === 0) throw wrongKey(key, 'it was not there any more when the module was started anew');
  const id = wanted?.id ?? null;
  if (wanted === null || id === null) return key;
  const renamed = renamedTo(session, key, id, objects, held);
  if (renamed !== null) return renamed;
  try {
    const another = wanted.make(id);
    held.push(another);
    return another;
  } finally {
    for (const object of objects) session.destroyKey(object);
  }
}

/** Null where the token changes no ids. */
function renamedTo(
  session: Session,
  key: GeneratedKey,
  id: Uint8Array,
  objects: readonly Key[],
  held: GeneratedKey[],
): GeneratedKey | null {
  const { class: keyClass, label } = key;
  try {
    for (const [at, object] of objects.entries()) {
      session.setId(object, id);
      if (at === 0) held.push({ ...key, id });
    }
    const now = session
      .findKeys({ class: keyClass, label, id: null })
      .find(({ handle }) => objects.some((object) => object.handle.equals(handle)));
    return now === undefined || !isNamed(now, { label: null, id }) ? null : { ...key, id: now.id };
  } catch (error) {
    if (error instanceof CryptokiError) return null;
    throw error;
  }
}

/**
 * For what makes a key, and finds another beside it, or one gone that was there.
 * @param rivals those beside it
 */
export function raced(
  session: Session,
  { label, id }: Pick<NewKey, 'label' | 'id'>,
  rivals: readonly KeyName[],
): HsmError {
  const what = describeName(id === null ? { label, id } : { label: null, id });
  const problem = `another program made or removed a key with ${what} on token "${session.token.label}" at the same moment`;
  const look =
    'what was made here was taken back; look at `coffer hsm keys`, and run the command again if the key that is there is the one to use';
  // A key that is being made has an id that nobody chose, and keeps it where its program is killed. One that has the id itself may be in use.
  const unfinished = id === null ? [] : rivals.filter((rival) => !isNamed(rival, { label: null, id }));
  const left =
    unfinished.length === 0
      ? ''
      : `. These are being made to have that id. Where no other program makes keys now, one that was killed has left them: remove them with the HSM's own tool\n${listKeys(unfinished)}`;
  return new HsmError('key_raced', problem, { hint: look + left });
}
