import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Pkcs11SealConfig } from '../config/types.ts';
import type { KeyReference } from '../hsm-keys.ts';
import { KEY_BYTES } from '../aead.ts';
import { zero } from '../bytes.ts';
import { CofferError, HsmError } from '../errors.ts';
import { hexNumber, returnValueName } from '../pkcs11/constants.ts';
import {
  CKM,
  CKR,
  CryptokiError,
  type DataObject,
  isReturnValue,
  type Key,
  mechanismName,
  type Session,
} from '../pkcs11/index.ts';
import { keysFor, type Role } from './configured.ts';
import { methodName, methodOf, methodsFor } from './method.ts';
import type { Seal } from './seal.ts';
import { opensAgain, wrapWith } from './wrapping.ts';

/** What became of one mechanism with one key. */
export interface Trial {
  readonly purpose: 'wrapping' | 'HMAC' | 'random bytes' | 'anchor';
  /** "CKM_AES_CBC_PAD", "C_GenerateRandom". */
  readonly what: string;
  /** Label of the HSM key; null for random bytes. */
  readonly keyLabel: string | null;
  readonly result: 'ok' | 'not supported' | 'failed';
  /** What the module said, e.g. "C_EncryptInit: CKR_MECHANISM_INVALID"; null where all is well. */
  readonly reason: string | null;
  /** Of the whole round trip. */
  readonly milliseconds: number;
}

/** What the seal does of its own choice, tried in the same way. */
export interface Chosen {
  /** "CKM_AES_CBC_PAD"; null where it did not get so far as to choose. */
  readonly mechanism: string | null;
  readonly keyLabel: string | null;
  readonly error: CofferError | null;
  /** Of the whole round trip, the search for the key included. */
  readonly milliseconds: number;
}

export interface SealTrial {
  readonly trials: readonly Trial[];
  readonly wrapping: Chosen;
  /** Null when the stanza names no HMAC key. */
  readonly hmac: Chosen | null;
}

/** Longer than a block of SHA-256. */
const MESSAGE_BYTES = 200;

/** A round trip with every mechanism that the stanza's keys could use, and with what the seal chooses. Writes nothing, but for a data object that it removes again where the stanza asks for an anchor. */
export async function tryKeys(config: Pkcs11SealConfig, seal: Seal, session: Session): Promise<SealTrial> {
  const key = onlyKey(session, 'wrap', config.key);
  const hmacKey = config.hmacKey === null ? null : onlyKey(session, 'hmac', config.hmacKey);
  const trials = [
    ...(key === null ? [] : await wrappingTrials(config, session, key)),
    ...(hmacKey === null ? [] : [await hmacTrial(session, hmacKey)]),
    await randomTrial(session),
    ...(config.anchor === 'off' ? [] : await anchorTrials(session)),
  ];
  return { trials, wrapping: await tryWrapping(seal), hmac: config.hmacKey === null ? null : await tryHmac(seal) };
}

async function wrappingTrials(config: Pkcs11SealConfig, session: Session, key: Key): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const method of methodsFor(key)) {
    const roundTrip = async (): Promise<void> => {
      const secret = new Uint8Array(randomBytes(KEY_BYTES));
      const wrapped = await wrapWith({ session, local: config.rsaEncryptLocal, cipher: session }, key, method, secret);
      if (!(await opensAgain(session, key, method, wrapped, secret))) throw wrongAnswer(methodName(method), key.label);
    };
    trials.push(await trial('wrapping', methodName(method), key, roundTrip));
  }
  return trials;
}

async function hmacTrial(session: Session, key: Key): Promise<Trial> {
  const mechanism = { type: CKM.SHA256_HMAC };
  const name = mechanismName(mechanism.type);
  const roundTrip = async (): Promise<void> => {
    const message = new Uint8Array(randomBytes(MESSAGE_BYTES));
    const mac = session.sign(key, mechanism, message);
    if (!session.verify(key, mechanism, message, mac)) throw wrongAnswer(name, key.label);
  };
  return trial('HMAC', name, key, roundTrip);
}

/** A generator that gives the same bytes twice is stuck. */
async function randomTrial(session: Session): Promise<Trial> {
  return trial('random bytes', 'C_GenerateRandom', null, async () => {
    const [first, second] = [session.random(KEY_BYTES), session.random(KEY_BYTES)];
    if (timingSafeEqual(first, second)) {
      throw new HsmError('random_stuck', 'the HSM gave the same 32 random bytes twice', {
        hint: 'have the HSM checked',
      });
    }
  });
}

/** A private data object as an anchor is one: made, changed, read and removed. A token may take one and not let it be changed. */
async function anchorTrials(session: Session): Promise<Trial[]> {
  const label = `coffer test ${randomUUID()}`;
  const object = { made: null as DataObject | null };
  const made = await trial('anchor', 'C_CreateObject', null, async () => {
    object.made = session.createData(label, new Uint8Array(1));
  });
  const { made: data } = object;
  if (data === null) return [made];
  const changed = await trial('anchor', 'C_SetAttributeValue', null, async () => {
    session.changeData(data, new Uint8Array([1]));
    if (session.findData(label)[0]?.value[0] !== 1) throw wrongAnswer('C_SetAttributeValue', label);
  });
  return [made, changed, await trial('anchor', 'C_DestroyObject', null, async () => session.destroyData(data))];
}

/** Null where none or several have that name: the seal's own trial says so. */
function onlyKey(session: Session, role: Role, reference: KeyReference): Key | null {
  const [key, ...others] = keysFor(session, role, { class: null, ...reference });
  return key === undefined || others.length > 0 ? null : key;
}

/** CK_RV values that say that token or key cannot do it, rather than that something went wrong. */
const NOT_SUPPORTED: readonly number[] = [
  CKR.ACTION_PROHIBITED,
  CKR.ARGUMENTS_BAD,
  CKR.ATTRIBUTE_READ_ONLY,
  CKR.ATTRIBUTE_TYPE_INVALID,
  CKR.ATTRIBUTE_VALUE_INVALID,
  CKR.FUNCTION_NOT_SUPPORTED,
  CKR.KEY_FUNCTION_NOT_PERMITTED,
  CKR.KEY_SIZE_RANGE,
  CKR.KEY_TYPE_INCONSISTENT,
  CKR.MECHANISM_INVALID,
  CKR.MECHANISM_PARAM_INVALID,
  CKR.RANDOM_NO_RNG,
  CKR.TEMPLATE_INCONSISTENT,
];

async function trial(
  purpose: Trial['purpose'],
  what: string,
  key: Key | null,
  run: () => Promise<void>,
): Promise<Trial> {
  const start = performance.now();
  const done = (result: Trial['result'], reason: string | null): Trial => ({
    purpose,
    what,
    keyLabel: key?.label ?? null,
    result,
    reason,
    milliseconds: performance.now() - start,
  });
  try {
    await run();
    return done('ok', null);
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    const unsupported = isReturnValue(error, ...NOT_SUPPORTED);
    const reason = error instanceof CryptokiError ? brief(error) : error.message;
    return done(unsupported ? 'not supported' : 'failed', reason);
  }
}

/** "C_DecryptInit: CKR_MECHANISM_INVALID". */
function brief({ operation, rv }: CryptokiError): string {
  return `${operation}: ${returnValueName(rv) ?? hexNumber(rv)}`;
}

type Choice = Pick<Chosen, 'mechanism' | 'keyLabel'>;

/** The way the store's own key goes: wrapped, unwrapped, compared. */
async function tryWrapping(seal: Seal): Promise<Chosen> {
  const key = new Uint8Array(randomBytes(KEY_BYTES));
  return attempt(async (choose) => {
    const wrap = await seal.wrapKey(key);
    const mechanism = methodName(methodOf(wrap) ?? { mechanism: wrap.mechanism, hash: null });
    choose({ mechanism, keyLabel: wrap.keyLabel });
    const opened = await seal.unwrapKey(wrap);
    if (opened === null || Buffer.compare(opened, key) !== 0) throw wrongAnswer(mechanism, wrap.keyLabel);
    zero(opened, key);
  });
}

/** An HMAC as a record has it, over the length of a digest, which every module takes; an altered one must not pass. */
async function tryHmac(seal: Seal): Promise<Chosen> {
  const message = new Uint8Array(randomBytes(KEY_BYTES));
  return attempt(async (choose) => {
    const maker = await seal.macMaker();
    if (maker === null) return;
    const { stanza } = maker;
    choose({ mechanism: mechanismName(stanza.mechanism), keyLabel: stanza.keyLabel });
    const mac = await maker.make(message);
    const altered = mac.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
    const isRight = (await seal.verifyMac(stanza, message, mac)) && !(await seal.verifyMac(stanza, message, altered));
    if (!isRight) throw wrongAnswer(mechanismName(stanza.mechanism), stanza.keyLabel);
  });
}

async function attempt(run: (choose: (choice: Choice) => void) => Promise<void>): Promise<Chosen> {
  const start = performance.now();
  let choice: Choice = { mechanism: null, keyLabel: null };
  let failure: CofferError | null = null;
  try {
    await run((chosen) => {
      choice = chosen;
    });
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    failure = error;
  }
  return { ...choice, error: failure, milliseconds: performance.now() - start };
}

function wrongAnswer(mechanism: string, label: string): HsmError {
  return new HsmError('hsm_wrong_answer', `${mechanism} with the key "${label}" does not give back what went in`, {
    hint: 'choose another mechanism, and have the HSM checked',
  });
}
