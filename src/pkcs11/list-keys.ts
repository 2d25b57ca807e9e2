import { CKA, CKK, CKR, keyTypeName } from './constants.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import { findAll } from './keys.ts';
import type { OpenSession } from './open.ts';
import type { ExposureAttributes, Key, KeyAttribute, KeyClass, KeyDetails } from './types.ts';
import { ulongToNumber } from './ulong.ts';

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
      const template = asked.map((name) => ({ type: BOOLEANS[name] }));
      const found = session.module.call('C_GetAttributeValue', (api) =>
        api.C_GetAttributeValue(session.handle, handle, template),
      );
      return found.map(({ value }) => truth(value));
    } catch (error) {
      if (error instanceof CryptokiError) return null;
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
  const read = (type: number): Buffer | null => attribute(session, object, type);
  const flag = (name: KeyAttribute): boolean | null => truth(read(BOOLEANS[name]));
  const type = number(read(CKA.KEY_TYPE)) ?? 0;
  return {
    class: keyClass,
    type,
    typeName: keyTypeName(type),
    label: (read(CKA.LABEL) ?? Buffer.alloc(0)).toString('utf8'),
    id: new Uint8Array(read(CKA.ID) ?? []),
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

function bits(keyClass: KeyClass, type: number, read: (type: number) => Buffer | null): number | null {
  if (keyClass === 'secret') {
    const bytes = number(read(CKA.VALUE_LEN));
    return bytes === null ? null : bytes * 8;
  }
  if (type !== CKK.RSA) return null;
  const modulus = read(CKA.MODULUS)?.toString('hex').replace(/^0+/, '') ?? '';
  return modulus === '' ? null : BigInt(`0x${modulus}`).toString(2).length;
}

function number(value: Buffer | null): number | null {
  return value === null || (value.length !== 4 && value.length !== 8) ? null : ulongToNumber(value);
}

/** One at a time, since a token refuses a whole request for one attribute that the object does not have. */
function attribute({ module, handle }: OpenSession, object: Buffer, type: number): Buffer | null {
  try {
    const [found] = module.call('C_GetAttributeValue', (api) => api.C_GetAttributeValue(handle, object, [{ type }]));
    return found?.value ?? null;
  } catch (error) {
    if (isReturnValue(error, CKR.ATTRIBUTE_TYPE_INVALID, CKR.ATTRIBUTE_SENSITIVE, CKR.ATTRIBUTE_VALUE_INVALID)) {
      return null;
    }
    throw error;
  }
}
