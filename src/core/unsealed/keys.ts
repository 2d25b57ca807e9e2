import { addHsmKeys, decodeKeyring, encodeKeyring, type Keyring, zeroKeyring } from '../../barrier/index.ts';
import { MalformedBytes, zero } from '../../bytes.ts';
import { augmentedEntropy, type Entropy, HsmEntropy, systemEntropy } from '../../entropy/index.ts';
import type { Pkcs11SealConfig } from '../../config/types.ts';
import { IntegrityError } from '../../errors.ts';
import { isRsaMechanism, openRecord, readRecord, type Seal, sealRecord, type Wrap } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { RECORD } from '../row-paths.ts';
import { RECORD_NAME } from './state.ts';

/** What the store's record holds once the HSM has opened it. */
export interface StoreKeys {
  /** 32 bytes. */
  readonly rootKey: Uint8Array;
  readonly wraps: readonly Wrap[];
  readonly context: Uint8Array;
  readonly keyring: Keyring;
}

/** One trip to the HSM: an HMAC check and a decryption. @throws IntegrityError, HsmError */
export async function openKeys(seal: Seal, record: Uint8Array): Promise<StoreKeys> {
  const { key, wraps, context, body } = await openRecord(seal, record, RECORD, RECORD_NAME);
  try {
    return { rootKey: key, wraps, context, keyring: decodeKeyring(body) };
  } catch (error) {
    zero(key);
    if (!(error instanceof MalformedBytes)) throw error;
    throw new IntegrityError('record_altered', `the keyring in ${RECORD_NAME} cannot be read: ${error.message}`, {
      hint: 'if a newer coffer wrote it, use that one',
    });
  } finally {
    zero(body);
  }
}

/**
 * The record that `openKeys` opens again; the wraps stay as they are. The keyring in it lists every HSM key that the
 * configuration names now, too: any of them may have wrapped something.
 */
export async function sealKeys(seal: Seal, keys: StoreKeys): Promise<Uint8Array> {
  const body = encodeKeyring(await withConfiguredKeys(seal, keys));
  try {
    return await sealRecord(seal, { key: keys.rootKey, wraps: keys.wraps, context: keys.context, body, place: RECORD });
  } finally {
    zero(body);
  }
}

/**
 * Whoever has an RSA public key can make a whole other store with it, unless an HMAC vouches for the true one. Where the
 * configuration says that the key is RSA, the operator has read that already; here the key was found to be RSA.
 */
export function noteUnauthenticated({ config, note }: Context, record: Uint8Array): void {
  const { wraps, macStanza } = readRecord(record, RECORD_NAME);
  const rsa = wraps.find(({ mechanism }) => isRsaMechanism(mechanism));
  if (rsa === undefined || macStanza !== null || isSaidToBeRsa(config.seal)) return;
  note(
    `the store is under the RSA key "${rsa.keyLabel}" and has no HMAC: whoever has the public key can make a whole other store that opens; set hmac_key_label`,
  );
}

function isSaidToBeRsa({ mechanism, key }: Pkcs11SealConfig): boolean {
  return key.class === 'private' || (mechanism !== null && isRsaMechanism(mechanism));
}

/** Whether the record's keyring lists every HSM key that the configuration names. */
export async function listsConfiguredKeys(seal: Seal, keys: StoreKeys): Promise<boolean> {
  return (await withConfiguredKeys(seal, keys)) === keys.keyring;
}

async function withConfiguredKeys(seal: Seal, { keyring }: StoreKeys): Promise<Keyring> {
  return addHsmKeys(keyring, await seal.configuredKeys());
}

export function zeroKeys(keys: StoreKeys): void {
  zero(keys.rootKey);
  zeroKeyring(keys.keyring);
}

/** Random bytes for the root key, the keyring and the recovery key. */
export function storeEntropy(context: Context, seal: Seal): Entropy {
  return context.config.entropyAugmentation ? augmentedEntropy(hsmEntropy(seal)) : systemEntropy;
}

/** The HSM's bytes alone. */
export function hsmEntropy(seal: Seal): HsmEntropy {
  return new HsmEntropy((length) => seal.random(length));
}
