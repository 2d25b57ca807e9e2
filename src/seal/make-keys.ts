import { hex } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { CryptokiError, describeName } from '../pkcs11/index.ts';
import type { GeneratedKey, Key, KeyName, Session } from '../pkcs11/index.ts';

/** How long the first in order waits for another program to take its key back. */
const PATIENCE_MS = 3000;
const POLL_MS = 100;

export interface NewKey {
  readonly label: string;
  /** CKA_ID, or null for a random one. */
  readonly id: Uint8Array | null;
  readonly make: (id: Uint8Array | null) => GeneratedKey;
  /** The keys of that label that it could be taken for. */
  readonly there: () => readonly Key[];
}

/**
 * Makes keys, each the only new one of its label, or none. Tokens let two programs make one of the same name at the same moment, so
 * that both are there and neither can be chosen; and they have no lock. Hence each makes its keys under random ids, and looks again:
 * with a new start of the module, since modules keep what they saw (SoftHSM 2.6 can overlook another process's key for good).
 * Who sees no other has made the key: whoever comes later sees it. Of two who see each other, the one with the greater id takes its
 * own back, and the other waits for that; where that does not happen, the other has looked before, and is the one who has made it.
 * @throws HsmError `key_raced` when another program made one of them; nothing of these is left then
 */
export async function makeKeys(session: Session, wanted: readonly NewKey[]): Promise<KeyName[]> {
  if (wanted.length === 0) return [];
  const before = wanted.map(({ there }) => new Set(there().map(({ id }) => hex(id))));
  const made: GeneratedKey[] = [];
  try {
    for (const { make } of wanted) made.push(make(null));
    await settle(session, (at) => wanted[at]?.there().filter(({ id }) => before[at]?.has(hex(id)) === false) ?? [], made);
  } catch (error) {
    for (const key of made) takeBack(session, key);
    throw error;
  }
  return made.map((key, at) => named(session, key, wanted[at] ?? null));
}

/** @param fresh the keys of the label at this position that were not there before */
async function settle(session: Session, fresh: (at: number) => Key[], made: readonly GeneratedKey[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    await session.restart();
    const others = made.flatMap((key, at) => fresh(at).flatMap(({ id }) => (hex(id) === hex(key.id) ? [] : [{ key, id }])));
    if (others.length === 0) return;
    const second = others.find(({ key, id }) => Buffer.compare(key.id, id) > 0) ?? (performance.now() > deadline ? others[0] : undefined);
    if (second !== undefined) throw raced(session, second.key);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Gives a key the id that was asked for. A token that changes no ids makes another one, with that id from the beginning. */
function named(session: Session, key: GeneratedKey, wanted: NewKey | null): KeyName {
  const id = wanted?.id ?? null;
  if (wanted === null || id === null) return { label: key.label, id: key.id };
  try {
    for (const object of objectsOf(session, key)) session.setId(object, id);
    return { label: key.label, id };
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    takeBack(session, key);
    return wanted.make(id);
  }
}

/** The id is random, and so this process's own. */
function takeBack(session: Session, key: GeneratedKey): void {
  for (const object of objectsOf(session, key)) session.destroyKey(object);
}

/** Looked up, since a new start of the module makes handles void: the private half first, without which the public does no harm. */
function objectsOf(session: Session, { class: keyClass, label, id, publicHalf }: GeneratedKey): Key[] {
  const classes = publicHalf === null ? [keyClass] : ([keyClass, 'public'] as const);
  return classes.flatMap((each) => session.findKeys({ class: each, label, id }));
}

function raced(session: Session, key: KeyName): HsmError {
  return new HsmError('key_raced', `another program made a key with ${describeName({ label: key.label, id: null })} on token "${session.token.label}" at the same moment`, {
    hint: 'what was made here was taken back; look at `coffer hsm keys`, and run the command again if the key that is there is the one to use',
  });
}
