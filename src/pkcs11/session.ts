import type { TokenSelector } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import { CKM, CKR } from './constants.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import { changeData, createData, dataObjectRefused, destroyData, findData } from './data-objects.ts';
import { exposuresOf } from './exposure.ts';
import { destroyKey } from './destroy.ts';
import { generateAesKey, generateHmacKey, generateKey, generateRsaKey, setId } from './generate.ts';
import { findKeys, publicKeyOf } from './keys.ts';
import { isYubiHsm } from './known-modules.ts';
import { exposureAttributes, listKeys } from './list-keys.ts';
import { login, prepareLogin } from './login.ts';
import { mechanismTypes } from './mechanisms.ts';
import { type Module, withModule } from './module.ts';
import type { OpenSession } from './open.ts';
import { random } from './operations.ts';
import { backgroundCipher, foregroundCipher } from './run.ts';
import { shapeOf } from './shape.ts';
import { findToken } from './tokens.ts';
import type { SessionOptions } from './session-options.ts';
import type { Cipher, Key, Session, TokenDescription } from './types.ts';
import { orUnlisted } from './unlisted.ts';

/**
 * Opens one session on the chosen token, logs in where the token wants it, and lends the session to `use`. The
 * module is finalised on every way out, a signal included, and C_CloseAllSessions before it ends login and sessions; C_Logout is not
 * called for it, as it is a trip to the HSM more.
 *
 * Throws HsmError: `module_*`, `token_*`, `pin_*`, or CryptokiError for anything a C_ function says.
 */
export async function withSession<T>(options: SessionOptions, use: (session: Session) => Promise<T>): Promise<T> {
  return withModule(options.module, async (module) => {
    const token = findToken(module, options.token);
    const wanted = await prepareLogin(token, options);
    const session = renewable(module, () => openAsWanted(module, token, options.readWrite));
    const enter = (): void => {
      if (wanted !== null) login(module, session.handle, token, wanted, options);
    };
    const restart = async (): Promise<void> => {
      requireSame(token, await findAgain(module, options.token));
      session.reopen();
      enter();
    };
    enter();
    return use(bind(session, token, options, restart));
  });
}

/** A write-protected token refuses read-write sessions; where one was only wanted, reading must do. */
function openAsWanted(module: Module, token: TokenDescription, readWrite: SessionOptions['readWrite']): Buffer {
  try {
    return module.openSession(token, readWrite !== false);
  } catch (error) {
    if (readWrite !== 'wanted' || !isReturnValue(error, CKR.TOKEN_WRITE_PROTECTED, CKR.SESSION_READ_ONLY)) throw error;
    return module.openSession(token, false);
  }
}

const RESTARTS = 20;
const RESTART_MS = 100;

/** SoftHSM empties and rewrites a token's file at every login, so for a moment the token is not there for another process. */
async function findAgain(module: Module, selector: TokenSelector): Promise<TokenDescription> {
  for (let left = RESTARTS; ; left--) {
    module.restart();
    try {
      return findToken(module, selector);
    } catch (error) {
      if (!(error instanceof HsmError) || left === 0) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
  }
}

/** Another token in the slot would get this one's PIN. */
function requireSame(token: TokenDescription, now: TokenDescription): void {
  if (token.slot === now.slot && token.serial === now.serial) return;
  throw new HsmError('token_not_present', `token "${token.label}" went away while it was used`);
}

function renewable(module: Module, open: () => Buffer): OpenSession & { readonly reopen: () => void } {
  let handle = open();
  return {
    module,
    get handle() {
      return handle;
    },
    reopen() {
      handle = open(); // the one before ended with the module
    },
    renew() {
      const old = handle;
      handle = open(); // first, since the login ends with the last session
      module.call('C_CloseSession', (api) => api.C_CloseSession(old));
    },
  };
}

/** The login holds for every session of the process (PKCS#11 v2.40 section 2.6), and so do handles of token objects. */
function inReadWriteSession<T>(module: Module, token: TokenDescription, use: (session: OpenSession) => T): T {
  const session = renewable(module, () => module.openSession(token, true));
  try {
    return use(session);
  } finally {
    try {
      module.call('C_CloseSession', (api) => api.C_CloseSession(session.handle));
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error; // what was made stays, and the session ends with the module
    }
  }
}

/** What a read-only session does not destroy, a read-write one does. */
function destroyAnyhow(session: OpenSession, token: TokenDescription, key: Pick<Key, 'handle' | 'label'>): void {
  try {
    destroyKey(session, key);
  } catch (error) {
    if (!isReturnValue(error, CKR.SESSION_READ_ONLY)) throw error;
    inReadWriteSession(session.module, token, (writable) => destroyKey(writable, key));
  }
}

/** A token that has no session left (CKR_SESSION_COUNT) gives as many as it can; a module for one thread only gives none. */
function openCiphers(module: Module, token: TokenDescription, count: number, readWrite: boolean): Cipher[] {
  const ciphers: Cipher[] = [];
  try {
    while (module.threads && ciphers.length < count) {
      ciphers.push(backgroundCipher(renewable(module, () => module.openSession(token, readWrite))));
    }
  } catch (error) {
    if (!isReturnValue(error, CKR.SESSION_COUNT)) throw error;
  }
  return ciphers;
}

/** Of a key that is looked at, and not tried. */
function unproven(): void {}

function bind(
  session: OpenSession,
  token: TokenDescription,
  { module: { lib }, readWrite }: SessionOptions,
  restart: () => Promise<void>,
): Session {
  let listed: ReadonlySet<number> | null = null;
  const mechanisms = (): ReadonlySet<number> => (listed ??= new Set(mechanismTypes(session.module, token.slot)));
  const lacksMechanism = (type: number): boolean => mechanisms().size > 0 && !mechanisms().has(type);
  return {
    token,
    findKeys: (query) => findKeys(session, query),
    listKeys: () => listKeys(session),
    exposuresOf: (key) => exposuresOf({ class: key.class, attributes: exposureAttributes(session, key) }),
    generateAesKey: (label, id, prove = unproven) =>
      orUnlisted(CKM.AES_KEY_GEN, lacksMechanism, () => generateAesKey(session, { label, id, prove })),
    generateHmacKey: (label, id) => generateHmacKey(session, label, id),
    generateRsaKey: (label, id, bits, prove = unproven) =>
      orUnlisted(CKM.RSA_PKCS_KEY_PAIR_GEN, lacksMechanism, () => generateRsaKey(session, bits, { label, id, prove })),
    destroyKey: (key) => destroyAnyhow(session, token, key),
    setId: (key, id) => setId(session, key, id),
    restart,
    generateKey: (label, kind, prove = unproven) =>
      inReadWriteSession(session.module, token, (writable) => generateKey(writable, kind, { label, id: null, prove })),
    shapeOf: (key) => shapeOf(session, key),
    publicKeyOf: (key) => publicKeyOf(session, key),
    findData: (label) => findData(session, label),
    createData(label, value) {
      if (isYubiHsm(lib, token)) throw dataObjectRefused(label);
      return createData(session, label, value);
    },
    changeData: (object, value) => changeData(session, object, value),
    destroyData: (object) => destroyData(session, object),
    hasMechanism: (type) => mechanisms().has(type),
    lacksMechanism,
    ...foregroundCipher(session),
    random: (length) => random(session, length),
    openCiphers: (count) => openCiphers(session.module, token, count, readWrite === true),
  };
}
