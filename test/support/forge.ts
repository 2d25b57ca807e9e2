import {
  constants,
  createCipheriv,
  createHmac,
  publicEncrypt,
  randomBytes,
  randomUUID,
  type KeyObject,
} from 'node:crypto';
import { Barrier, encodeKeyring } from '../../src/barrier/index.ts';
import { encodeStoreHeader } from '../../src/core/unsealed/header.ts';
import { encodeMounts } from '../../src/core/mounts/table.ts';
import { MOUNTS, RECORD } from '../../src/core/row-paths.ts';
import { newTree } from '../../src/core/unsealed/opened.ts';
import { appendMac, encodeBody, encodeHeader, macMessage } from '../../src/seal/record.ts';
import type { MacStanza, Wrap } from '../../src/seal/seal.ts';
import { MemoryRows } from './memory-rows.ts';

/** What somebody has who can write the file: keys of the token whose values they know, or a public key of it. */
export interface Forgery {
  readonly wrap: { readonly label: string; readonly id: string } & (
    { readonly aes: Uint8Array } | { readonly rsa: KeyObject }
  );
  readonly mac: { readonly label: string; readonly id: string; readonly value: Uint8Array } | null;
  /** What the forged store says of its recovery key. */
  readonly recovery: { readonly shares: number; readonly threshold: number; readonly verifier: Uint8Array | null };
  readonly storeId?: string;
}

/** The rows of a whole store that nobody made with coffer, and that has no mounts. */
export async function forgeStore({
  wrap,
  mac,
  recovery,
  storeId = randomUUID(),
}: Forgery): Promise<Record<string, Uint8Array>> {
  const rootKey = new Uint8Array(randomBytes(32));
  const keyring = {
    terms: [{ number: 1, created: 1, key: new Uint8Array(randomBytes(32)) }],
    pathKey: new Uint8Array(randomBytes(64)),
    recovery,
    hsmKeys: [],
    treeKey: new Uint8Array(randomBytes(32)),
  };
  const context = encodeStoreHeader({
    storeId,
    created: 1,
    recoveryShares: recovery.shares,
    recoveryThreshold: recovery.threshold,
  });
  const stanza: MacStanza | null =
    mac === null ? null : { seal: 'pkcs11', mechanism: 0x251, keyLabel: mac.label, keyId: Buffer.from(mac.id, 'hex') };
  const header = encodeHeader(context, [wrapOf(wrap, rootKey)], stanza);
  const authenticated = encodeBody(header, rootKey, RECORD, encodeKeyring(keyring));
  const record =
    mac === null
      ? authenticated
      : appendMac(authenticated, createHmac('sha256', mac.value).update(macMessage(authenticated)).digest());
  const mounts = new Barrier(keyring).encrypt(MOUNTS, encodeMounts([]));
  const stored = new MemoryRows();
  const forged = newTree(stored, { rootKey, keyring });
  await forged.rows.put(RECORD, record);
  await forged.rows.put(MOUNTS, mounts);
  await forged.finish();
  return Object.fromEntries(stored.map);
}

function wrapOf(by: Forgery['wrap'], key: Uint8Array): Wrap {
  const name = { seal: 'pkcs11', keyLabel: by.label, keyId: Buffer.from(by.id, 'hex') };
  if ('rsa' in by) {
    const ciphertext = publicEncrypt({ key: by.rsa, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, key);
    return { ...name, mechanism: 0x9, parameters: Buffer.from('00000220', 'hex'), ciphertext };
  }
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', by.aes, iv);
  return {
    ...name,
    mechanism: 0x1085,
    parameters: iv,
    ciphertext: Buffer.concat([cipher.update(key), cipher.final()]),
  };
}
