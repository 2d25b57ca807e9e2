import type { Attribute } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { numberIn, readAttributes } from './attributes.ts';
import { CKA, CKO, CKR } from './constants.ts';
import { isReturnValue } from './errors.ts';
import { begin, type OpenSession } from './open.ts';
import { describeName, isNamed } from './key-name.ts';
import type { Key, KeyClass, KeyQuery } from './types.ts';

/** Handles asked for in one C_FindObjects: more than a query by label ever matches. */
const FIND_BATCH = 16;

const OBJECT_CLASS: Readonly<Record<KeyClass, number>> = {
  secret: CKO.SECRET_KEY,
  public: CKO.PUBLIC_KEY,
  private: CKO.PRIVATE_KEY,
};

/**
 * The key objects that match class, label and id. A search by label or id ends with the first answer that is not
 * full; only a listing (neither set) asks until nothing is left, which is one call more.
 *
 * Attributes that the query does not settle are fetched when they are first read, all in one go: opening a wrap
 * that names label and id costs no C_GetAttributeValue. Reading them can therefore throw like any call, and must
 * happen while the session is open.
 *
 * Some tokens keep labels padded with blanks, or ids of one length, and compare them so. What is not found is looked for among
 * all keys of the class, blanks at the end and zeros in front left aside; a key found so has the label and id that the token has.
 *
 * Of several keys, one that another program removes meanwhile is not among the results.
 */
export function findKeys(session: OpenSession, query: KeyQuery): Key[] {
  const found = search(session, query);
  if (found.length > 0 || (query.label === null && query.id === null)) return found;
  return search(session, { ...query, label: null, id: null }).filter((key) => isThere(key) && isNamed(key, query));
}

/** The public key of the private key's id, or of its label where it has no id. */
export function publicKeyOf(session: OpenSession, key: Key): Key | null {
  const query = key.id.length > 0 ? { label: null, id: key.id } : { label: key.label, id: null };
  return findKeys(session, { class: 'public', ...query })[0] ?? null;
}

/** The handles of all key objects of a class. */
export function findAll(session: OpenSession, keyClass: KeyClass): Buffer[] {
  return findObjects(session, [{ type: CKA.CLASS, value: OBJECT_CLASS[keyClass] }], true);
}

/** The handles of the key objects that have this very label. */
export function findHandles(session: OpenSession, keyClass: KeyClass, label: string): Buffer[] {
  return findObjects(session, queryTemplate({ class: keyClass, label, id: null }), false);
}

function search(session: OpenSession, query: KeyQuery): Key[] {
  const isListing = query.label === null && query.id === null;
  if (query.class === null && isListing) {
    return KEY_CLASSES.flatMap((each) => search(session, { ...query, class: each }));
  }
  const handles = findObjects(session, queryTemplate(query), isListing);
  const { class: keyClass } = query;
  if (keyClass !== null) {
    const keys = handles.map((handle) => lazyKey(session, handle, { ...query, class: keyClass }));
    return keys.length < 2 ? keys : keys.filter(isThere);
  }
  const keys = handles.map((handle) => secretOrPrivate(session, handle, query));
  return keys.includes(UNKNOWN_CLASS)
    ? KEY_CLASSES.flatMap((each) => search(session, { ...query, class: each }))
    : keys.filter((key) => key !== null && key !== UNKNOWN_CLASS);
}

const KEY_CLASSES = ['secret', 'private'] as const;

function queryTemplate(query: KeyQuery): Attribute[] {
  const template: Attribute[] = query.class === null ? [] : [{ type: CKA.CLASS, value: OBJECT_CLASS[query.class] }];
  if (query.label !== null) template.push({ type: CKA.LABEL, value: query.label });
  if (query.id !== null) template.push({ type: CKA.ID, value: asBuffer(query.id) });
  return template;
}

/** PKCS#11 v2.40 section 5.7: C_FindObjects gives the next handles, and none when there are no more. */
export function findObjects(session: OpenSession, template: Attribute[], untilEmpty: boolean): Buffer[] {
  const { module } = session;
  const found: Buffer[] = [];
  begin(session, () => module.call('C_FindObjectsInit', (api) => api.C_FindObjectsInit(session.handle, template)));
  const { handle } = session;
  try {
    for (;;) {
      const batch = module.call('C_FindObjects', (api) => api.C_FindObjects(handle, FIND_BATCH));
      found.push(...batch);
      if (batch.length === 0 || (!untilEmpty && batch.length < FIND_BATCH)) return found;
    }
  } finally {
    module.call('C_FindObjectsFinal', (api) => api.C_FindObjectsFinal(handle));
  }
}

function lazyKey(session: OpenSession, handle: Buffer, query: KeyQuery & { readonly class: KeyClass }): Key {
  let fetched: Attributes | null = null;
  const attributes = (): Attributes =>
    (fetched ??= unlessGone(query, () => fetchAttributes(session, handle, [CKA.KEY_TYPE, CKA.LABEL, CKA.ID])));
  return {
    handle,
    class: query.class,
    get type() {
      return attributes().type;
    },
    get label() {
      return query.label ?? attributes().label;
    },
    get id() {
      return query.id ?? attributes().id;
    },
  };
}

function unlessGone<T>(query: KeyQuery, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isReturnValue(error, CKR.OBJECT_HANDLE_INVALID)) throw error;
    const problem = `the key with ${describeName(query)} was removed from the token while coffer looked at it`;
    throw new HsmError('key_not_found', problem, {
      hint: 'another program removed it: look at `coffer hsm keys`, and run the command again',
      cause: error,
    });
  }
}

/** Whether a key that was found is still there; reads its attributes. */
function isThere(key: Key): boolean {
  try {
    return key.type === null || key.type >= 0;
  } catch (error) {
    if (error instanceof HsmError && isReturnValue(error.cause, CKR.OBJECT_HANDLE_INVALID)) return false;
    throw error;
  }
}

/** An object whose CKA_CLASS the token does not tell. */
const UNKNOWN_CLASS = 'unknown class';

/**
 * Null for an object of another class: a certificate or a public key may have the label too. Label and id are those of the query, as of a
 * key that is read lazily: a record that said what a token makes of them, or does not tell, would not have the key's name in the configuration.
 */
function secretOrPrivate(session: OpenSession, handle: Buffer, query: KeyQuery): Key | typeof UNKNOWN_CLASS | null {
  try {
    const wanted = [CKA.KEY_TYPE, CKA.LABEL, CKA.ID, CKA.CLASS];
    const { objectClass, type, label, id } = fetchAttributes(session, handle, wanted);
    if (objectClass === null) return UNKNOWN_CLASS;
    const keyClass = KEY_CLASSES.find((each) => OBJECT_CLASS[each] === objectClass);
    return keyClass === undefined
      ? null
      : { handle, class: keyClass, type, label: query.label ?? label, id: query.id ?? id };
  } catch (error) {
    if (isReturnValue(error, CKR.OBJECT_HANDLE_INVALID)) return null; // another program has removed it since it was found
    throw error;
  }
}

interface Attributes extends Pick<Key, 'type' | 'label' | 'id'> {
  /** CKA_CLASS, where it was asked for and told. */
  readonly objectClass: number | null;
}

function fetchAttributes(session: OpenSession, object: Buffer, types: readonly number[]): Attributes {
  const [type, label, id, objectClass] = readAttributes(session, object, types);
  return {
    type: numberIn(type),
    label: (label ?? Buffer.alloc(0)).toString('utf8'),
    id: new Uint8Array(id ?? []),
    objectClass: numberIn(objectClass),
  };
}
