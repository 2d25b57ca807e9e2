import { HsmError } from '../errors.ts';
import { numberIn, readAttribute, readAttributes, readTogether } from './attributes.ts';
import { CKA, CKK, CKR, keyTypeName } from './constants.ts';
import { isReturnValue } from './errors.ts';
import { findAll } from './keys.ts';
import type { OpenSession } from './open.ts';
import type { ExposureAttributes, Key, KeyAttribute, KeyClass, KeyDetails } from './types.ts';

const BOOLEANS: { readonly [name in KeyAttribute]: number } = {
  token: CKA.TOKEN,
  private: CKA.PRIVATE,
  sensitive: CKA.SENSITIVE,
  always_sensitive: CKA.ALWAYS_SENSITIVE,
  extractable: CKA.EXTRACTABLE,
  never_extractable: CKA.NEVER_EXTRACTABLE,
  local: CKA.LOCAL,
  encrypt: CKA.ENCRYPT,
  decrypt: CKA.DECRYPT,
  sign: CKA.SIGN,
  verify: CKA.VERIFY,
  wrap: CKA.WRAP,
  unwrap: CKA.UNWRAP,
  derive: CKA.DERIVE,
  modifiable: CKA.MODIFIABLE,
};

/** Every key object of the token that this login sees, class by class. */
export function listKeys(session: OpenSession): KeyDetails[] {
  return (['secret', 'private', 'public'] as const).flatMap((each) =>
    findAll(session, each).flatMap((handle) => describeIfThere(session, handle, each)),
  );
}

/** Nothing of a key that another program has removed since it was found. */
function describeIfThere(session: OpenSession, object: Buffer, keyClass: KeyClass): KeyDetails[] {
  try {
    return [describe(session, object, keyClass)];
  } catch (error) {
    if (isReturnValue(error, CKR.OBJECT_HANDLE_INVALID)) {
      return [];
    }
    throw error;
  }
}

/**
 * What decides whether a key is safe, in one C_GetAttributeValue (two calls of the module), or one for each where the
 * token refuses them together. It is advice, so that a token which fails to give it stops nothing.
 */
export function exposureAttributes(session: OpenSession, { handle }: Key): ExposureAttributes {
  const names = ['private', 'extractable', 'sensitive', 'never_extractable', 'always_sensitive', 'local'] as const;
  const read = (asked: readonly KeyAttribute[]): (boolean | null)[] | null => {
    try {
      return readTogether(
        session,
        handle,
        asked.map((name) => BOOLEANS[name]),
      ).map(truth);
    } catch (error) {
      if (error instanceof HsmError) return null;
      throw error;
    }
  };
  const [isPrivate = null, extractable = null, sensitive = null, never = null, always = null, local = null] =
    read(names) ?? names.map((name) => read([name])?.[0] ?? null);
  return { private: isPrivate, extractable, sensitive, never_extractable: never, always_sensitive: always, local };
}

function truth(value: Buffer | null): boolean | null {
  return value === null || value.length === 0 ? null : value[0] !== 0;
}

function describe(session: OpenSession, object: Buffer, keyClass: KeyClass): KeyDetails {
  const [kind, label, id] = readAttributes(session, object, [CKA.KEY_TYPE, CKA.LABEL, CKA.ID]);
  const read = (type: number): Buffer | null => readAttribute(session, object, type);
  const flag = (name: KeyAttribute): boolean | null => truth(read(BOOLEANS[name]));
  const type = numberIn(kind);
  return {
    class: keyClass,
    type,
    typeName: keyTypeName(type),
    label: (label ?? Buffer.alloc(0)).toString('utf8'),
    id: new Uint8Array(id ?? []),
    bits: bits(keyClass, type, read),
    attributes: {
      token: flag('token'),
      private: flag('private'),
      sensitive: flag('sensitive'),
      always_sensitive: flag('always_sensitive'),
      extractable: flag('extractable'),
      never_extractable: flag('never_extractable'),
      local: flag('local'),
      encrypt: flag('encrypt'),
      decrypt: flag('decrypt'),
      sign: flag('sign'),
      verify: flag('verify'),
      wrap: flag('wrap'),
      unwrap: flag('unwrap'),
      derive: flag('derive'),
      modifiable: flag('modifiable'),
    },
  };
}

function bits(keyClass: KeyClass, type: number | null, read: (type: number) => Buffer | null): number | null {
  if (keyClass === 'secret') {
    const bytes = numberIn(read(CKA.VALUE_LEN));
    return bytes === null ? null : bytes * 8;
  }
  if (type !== CKK.RSA) return null;
  const modulus = read(CKA.MODULUS)?.toString('hex').replace(/^0+/, '') ?? '';
  return modulus === '' ? null : BigInt(`0x${modulus}`).toString(2).length;
}
