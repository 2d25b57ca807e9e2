import { createHmac } from 'node:crypto';
import type { MacStanza, Wrap } from '../../../src/seal/seal.ts';
import { bytes, readVectors } from '../../support/vectors.ts';

interface StoredKey {
  readonly label: string;
  readonly id: string;
  readonly value: string;
}

export interface RecordVector {
  readonly name: string;
  readonly version: number;
  readonly key: string;
  readonly context: string;
  readonly wraps: readonly {
    seal: string;
    mechanism: number;
    key_label: string;
    key_id: string;
    parameters: string;
    ciphertext: string;
  }[];
  readonly mac_stanza: {
    seal: string;
    mechanism: number;
    key_label: string;
    key_id: string;
    over_digest: boolean;
  } | null;
  readonly iv: string;
  readonly place: string;
  readonly body: string;
  readonly header: string;
  readonly ciphertext: string;
  readonly mac_message: string | null;
  readonly mac: string;
  readonly bytes: string;
}

interface RecordFile {
  readonly hsm_keys: readonly StoredKey[];
  readonly hmac_key: StoredKey;
  readonly cases: readonly RecordVector[];
}

/** The vectors of wrapped-key records and the HSM keys behind them. */
export function readRecords(): { cases: readonly RecordVector[]; hsmKeys: readonly StoredKey[]; hmacKey: StoredKey } {
  const { cases, hsm_keys: hsmKeys, hmac_key: hmacKey } = readVectors('record') as RecordFile;
  return { cases, hsmKeys, hmacKey };
}

export function wrapsOf({ wraps }: RecordVector): Wrap[] {
  return wraps.map(({ seal, mechanism, key_label: keyLabel, key_id: keyId, parameters, ciphertext }) => ({
    seal,
    mechanism,
    keyLabel,
    keyId: bytes(keyId),
    parameters: bytes(parameters),
    ciphertext: bytes(ciphertext),
  }));
}

export function macStanzaOf({ mac_stanza: stanza }: RecordVector): MacStanza | null {
  if (stanza === null) return null;
  const { seal, mechanism, key_label: keyLabel, key_id: keyId } = stanza;
  return { seal, mechanism, keyLabel, keyId: bytes(keyId) };
}

/** CKM_SHA256_HMAC without an HSM. */
export function hmacOf(key: StoredKey, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', bytes(key.value)).update(message).digest());
}
