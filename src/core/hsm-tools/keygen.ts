import { hex } from '../../bytes.ts';
import type { Pkcs11SealConfig } from '../../config/types.ts';
import { HsmError } from '../../errors.ts';
import { type GeneratedKey, isNamed, type Key, listKeys, type Proof, type Session } from '../../pkcs11/index.ts';
import { isMeantFor, makeKeys, proveWrapping } from '../../seal/index.ts';
import { type Context, withSeal } from '../context.ts';

export type NewKeyType = 'aes' | 'hmac' | 'rsa';

export interface NewKey {
  readonly type: NewKeyType;
  readonly label: string;
  /** CKA_ID, or null for a random one. */
  readonly id: Uint8Array | null;
  /** Of an RSA modulus. */
  readonly bits: number;
}

/** What was made. */
export interface MadeKey {
  readonly label: string;
  readonly id: Uint8Array;
}

export const RSA_BITS: readonly number[] = [2048, 3072, 4096];

/**
 * Makes one key, with the attributes of a key of coffer's, in a read-write session.
 * @throws HsmError `key_exists` for a label that is taken, unless an id that is not is given; `key_raced` when another program
 *   makes one of that name at the same moment
 */
export async function generateOneKey(context: Context, wanted: NewKey): Promise<MadeKey> {
  return withSeal(context, 'wanted', async (_seal, session) => {
    refuseTaken(session, wanted);
    const { label, id } = wanted;
    const make = (given: Uint8Array): GeneratedKey => generate(context.config.seal, session, wanted, given);
    const [made] = await makeKeys(session, [
      { label, id, make, rivals: (isOthers) => rivals(session, wanted).filter(isOthers) },
    ]);
    return made ?? { label, id: new Uint8Array(0) };
  });
}

/** Makes what the stanza names and the token lacks, whatever `generate_key` says: here somebody asked for it. */
export async function generateMissingKeys(context: Context): Promise<MadeKey[]> {
  const { config } = context;
  const allowing: Context = { ...context, config: { ...config, seal: { ...config.seal, generateKey: true } } };
  return withSeal(allowing, 'wanted', async (seal) => {
    return [...(await seal.ensureKeys())];
  });
}

function generate(
  seal: Pkcs11SealConfig,
  session: Session,
  { type, label, bits }: NewKey,
  id: Uint8Array,
): GeneratedKey {
  const prove: Proof = (key) => proveWrapping(seal, session, key);
  if (type === 'aes') return session.generateAesKey(label, id, prove);
  return type === 'hmac' ? session.generateHmacKey(label, id) : session.generateRsaKey(label, id, bits, prove);
}

/** Two keys of one label are told apart by their ids alone, so the second must have one that somebody chose. */
function refuseTaken(session: Session, wanted: NewKey): void {
  const { label, id } = wanted;
  const same = rivals(session, wanted).filter((key) => id === null || isNamed(key, { label: null, id }));
  if (same.length === 0) return;
  const what = id === null ? `label "${label}"` : `id ${hex(id)}`;
  throw new HsmError('key_exists', `token "${session.token.label}" has a key with ${what} already`, {
    hint: [{ remedy: id === null ? 'choose-label' : 'choose-id' }, `:\n${listKeys(same)}`],
  });
}

/** With an id of its own, all keys of that id, whatever their labels, and those that another program is making to have it. */
function rivals(session: Session, { label, id }: NewKey): Key[] {
  if (id === null) return session.findKeys({ class: null, label, id: null });
  return session
    .findKeys({ class: null, label: null, id: null })
    .filter((key) => isNamed(key, { label: null, id }) || isMeantFor(key.id, id));
}
