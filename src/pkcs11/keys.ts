import { randomBytes } from 'node:crypto';
import type { Attribute } from 'pkcs11js';
import { CKA, CKK, CKM, CKO, mechanismName } from './constants.ts';
import { asBuffer } from '../bytes.ts';
import type { OpenSession } from './open.ts';
import type { Key, KeyClass, KeyQuery } from './types.ts';
import { ulongToNumber } from './ulong.ts';

/** Both kinds of key coffer creates have 256 bits. */
const KEY_BYTES = 32;
const KEY_ID_BYTES = 16;
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
 */
export function findKeys(session: OpenSession, query: KeyQuery): Key[] {
  const handles = findObjects(session, queryTemplate(query), query.label === null && query.id === null);
  return handles.map((handle) => lazyKey(session, handle, query));
}

/** AES-256 for wrapping: encrypt, decrypt, wrap and unwrap, and it can never leave the token. */
export function generateAesKey(session: OpenSession, label: string, id: Uint8Array | null): Key {
  return generate(session, CKM.AES_KEY_GEN, CKK.AES, label, id, [CKA.ENCRYPT, CKA.DECRYPT, CKA.WRAP, CKA.UNWRAP]);
}

/** 32 random bytes of CKK_GENERIC_SECRET for an HMAC: sign and verify, and it can never leave the token. */
export function generateHmacKey(session: OpenSession, label: string, id: Uint8Array | null): Key {
  return generate(session, CKM.GENERIC_SECRET_KEY_GEN, CKK.GENERIC_SECRET, label, id, [CKA.SIGN, CKA.VERIFY]);
}

function generate(
  { module, handle }: OpenSession,
  mechanism: number,
  type: number,
  label: string,
  givenId: Uint8Array | null,
  uses: readonly number[],
): Key {
  const id = givenId ?? new Uint8Array(randomBytes(KEY_ID_BYTES));
  const template: Attribute[] = [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: type },
    { type: CKA.VALUE_LEN, value: KEY_BYTES },
    { type: CKA.LABEL, value: label },
    { type: CKA.ID, value: asBuffer(id) },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    ...uses.map((use) => ({ type: use, value: true })),
  ];
  const key = module.call(
    'C_GenerateKey',
    (api) => api.C_GenerateKey(handle, { mechanism }, template),
    () => `${mechanismName(mechanism)}, label "${label}"`,
  );
  return { handle: key, class: 'secret', type, label, id };
}

function queryTemplate(query: KeyQuery): Attribute[] {
  const template: Attribute[] = [{ type: CKA.CLASS, value: OBJECT_CLASS[query.class] }];
  if (query.label !== null) {
    template.push({ type: CKA.LABEL, value: query.label });
  }
  if (query.id !== null) {
    template.push({ type: CKA.ID, value: asBuffer(query.id) });
  }
  return template;
}

/** PKCS#11 v2.40 section 5.7: C_FindObjects gives the next handles, and none when there are no more. */
function findObjects({ module, handle }: OpenSession, template: Attribute[], untilEmpty: boolean): Buffer[] {
  const found: Buffer[] = [];
  module.call('C_FindObjectsInit', (api) => api.C_FindObjectsInit(handle, template));
  try {
    for (;;) {
      const batch = module.call('C_FindObjects', (api) => api.C_FindObjects(handle, FIND_BATCH));
      found.push(...batch);
      if (batch.length === 0 || (!untilEmpty && batch.length < FIND_BATCH)) {
        return found;
      }
    }
  } finally {
    module.call('C_FindObjectsFinal', (api) => api.C_FindObjectsFinal(handle));
  }
}

function lazyKey(session: OpenSession, handle: Buffer, query: KeyQuery): Key {
  let fetched: Attributes | null = null;
  const attributes = (): Attributes => (fetched ??= fetchAttributes(session, handle));
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

type Attributes = Pick<Key, 'type' | 'label' | 'id'>;

/** pkcs11js makes two C_GetAttributeValue calls of it: lengths, then values. */
function fetchAttributes({ module, handle }: OpenSession, object: Buffer): Attributes {
  const [type, label, id] = module.call('C_GetAttributeValue', (api) =>
    api.C_GetAttributeValue(handle, object, [{ type: CKA.KEY_TYPE }, { type: CKA.LABEL }, { type: CKA.ID }]),
  );
  return {
    type: type === undefined ? 0 : ulongToNumber(type.value),
    label: (label?.value ?? Buffer.alloc(0)).toString('utf8'),
    id: new Uint8Array(id?.value ?? []),
  };
}
