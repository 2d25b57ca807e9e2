import { ByteReader, ByteWriter, MalformedBytes } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { CKR, type DataObject, isReturnValue, type Session } from '../pkcs11/index.ts';

const VERSION = 1;
const DIGEST_BYTES = 16;
/** One is written while the other stays, so that a process that is killed within a write leaves a whole one. */
const COPIES = 2;

/** How far the store has come. */
export interface AnchorState {
  readonly counter: number;
  /** Of the root of the tree: 16 bytes. */
  readonly digest: Uint8Array;
}

/**
 * The counter of a store in private data objects of the token. The highest of them counts. Byte layout: coffer-format(7), "Anchor".
 * Every method may throw HsmError.
 */
export class Anchor {
  readonly #session: Session;
  readonly #label: string;

  constructor(session: Session, storeId: string) {
    this.#session = session;
    this.#label = `coffer anchor ${storeId}`;
  }

  /** Null where the token has none. */
  read(): AnchorState | null {
    return this.#find()[0]?.state ?? null;
  }

  /** Writes a state that is higher than what is there; does nothing where it is not. @throws HsmError `anchor_refused` */
  raise(state: AnchorState): void {
    const found = this.#find();
    const [highest] = found;
    if (highest?.state != null && highest.state.counter >= state.counter) return;
    this.#put(found, state);
  }

  /** Puts this state in the place of whatever is there, also of a higher one. @throws HsmError `anchor_refused` */
  reset(state: AnchorState): void {
    const found = this.#find();
    this.#create(state);
    for (const { object } of found) this.#destroy(object);
  }

  /** Has the token keep nothing of the store. @throws HsmError `anchor_refused` */
  remove(): void {
    for (const { object } of this.#find()) this.#destroy(object);
  }

  #put(found: readonly Found[], state: AnchorState): void {
    const lowest = found.length < COPIES ? undefined : found.at(-1);
    if (lowest === undefined) {
      this.#create(state);
      return;
    }
    try {
      this.#session.changeData(lowest.object, encode(state));
    } catch (error) {
      if (!isReturnValue(error, ...NO_CHANGE)) throw error;
      this.#destroy(lowest.object);
      this.#create(state);
    }
  }

  #destroy(object: DataObject): void {
    try {
      this.#session.destroyData(object);
    } catch (error) {
      if (!isReturnValue(error, ...NO_CHANGE)) throw error;
      const problem = `the token lets a data object, which an anchor is, be neither changed nor removed: ${error.message}`;
      throw new HsmError('anchor_refused', problem, {
        hint: 'set anchor = "off" in the seal stanza, or choose a token that lets its user change data objects; `coffer hsm test` tries it',
        cause: error,
      });
    }
  }

  #create(state: AnchorState): void {
    try {
      this.#session.createData(this.#label, encode(state));
    } catch (error) {
      if (!isReturnValue(error, ...NO_DATA)) throw error;
      throw new HsmError('anchor_refused', `the token takes no data object, which an anchor is: ${error.message}`, {
        hint: 'set anchor = "off" in the seal stanza, or choose a token that keeps data objects; `coffer hsm test` tries it',
        cause: error,
      });
    }
  }

  /** The highest first; what is no anchor at the end. */
  #find(): Found[] {
    const found = this.#session.findData(this.#label).map((object) => ({ object, state: decode(object.value) }));
    return found.sort((a, b) => (b.state?.counter ?? -1) - (a.state?.counter ?? -1));
  }
}

interface Found {
  readonly object: DataObject;
  /** Null for bytes that are none, as a write that was interrupted may leave them. */
  readonly state: AnchorState | null;
}

/** What tokens say that do not let them be changed. */
const NO_CHANGE: readonly number[] = [
  CKR.ACTION_PROHIBITED,
  CKR.ARGUMENTS_BAD,
  CKR.ATTRIBUTE_READ_ONLY,
  CKR.ATTRIBUTE_TYPE_INVALID,
  CKR.ATTRIBUTE_VALUE_INVALID,
  CKR.FUNCTION_NOT_SUPPORTED,
  CKR.TEMPLATE_INCONSISTENT,
];

/** What tokens say that have no data objects, or let nobody write any. */
const NO_DATA: readonly number[] = [...NO_CHANGE, CKR.SESSION_READ_ONLY, CKR.TOKEN_WRITE_PROTECTED];

function encode({ counter, digest }: AnchorState): Uint8Array {
  return new ByteWriter().u8(VERSION).u64(counter).raw(digest).finish();
}

function decode(bytes: Uint8Array): AnchorState | null {
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== VERSION) return null;
    const state = { counter: reader.u64(), digest: reader.raw(DIGEST_BYTES).slice() };
    reader.end();
    return state;
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}
