/** The pkcs11 seal's parameters, wherever they came from, to a Pkcs11SealConfig. */
import type { KeyReference } from '../hsm-keys.ts';
import { hex } from '../bytes.ts';
import { ConfigError } from '../errors.ts';
import { checkCombination } from './combination.ts';
import { sealReaders, type SealParameter } from './seal-values.ts';
import type { Pkcs11SealConfig } from './types.ts';
import type { Given } from './values.ts';

type Values = { readonly [parameter in SealParameter]: ReturnType<(typeof sealReaders)[parameter]> };
const readers: { readonly [parameter in SealParameter]: (given: Given) => Values[parameter] } = sealReaders;

/** `where` begins the message about a missing key. Remarks for the operator are added to `notes`. */
export function toSealConfig(givens: ReadonlyMap<string, Given>, where: string, notes: string[]): Pkcs11SealConfig {
  function read<P extends SealParameter>(parameter: P): Values[P] | null {
    const given = givens.get(parameter);
    return given === undefined ? null : readers[parameter](given);
  }
  refuseDisabled(givens);
  notePriority(givens, notes);

  const lib = read('lib');
  if (lib === null) throw missing(where, 'lib', 'add lib = "/path/to/pkcs11-module.so" or set COFFER_HSM_LIB');
  const token = {
    slot: read('slot'),
    label: read('token_label'),
    serial: read('serial'),
    manufacturer: read('manufacturer'),
    model: read('model'),
  };
  if (Object.values(token).every((one) => one === null)) {
    const hint =
      'add token_label = "..." (or slot, serial or uri), or set COFFER_HSM_TOKEN_LABEL (or _SLOT, _SERIAL or _URI)';
    throw missing(where, 'slot, token_label, serial or uri', hint);
  }
  const key = toKey(read('key_label'), read('key_id'));
  if (key === null) {
    throw missing(where, 'key_label or key_id', 'add key_label = "..." or set COFFER_HSM_KEY_LABEL');
  }
  const seal: Pkcs11SealConfig = {
    type: 'pkcs11',
    name: read('name') ?? 'pkcs11',
    lib,
    libraryParameters: read('library_parameters'),
    token,
    pin: read('pin'),
    key: { ...key, class: read('key_class') },
    hmacKey: toKey(read('hmac_key_label'), read('hmac_key_id')),
    previousKeys: toKeys(read('previous_key_label'), read('previous_key_id')),
    previousHmacKeys: toKeys(read('previous_hmac_key_label'), read('previous_hmac_key_id')),
    defaultKeyLabel: read('default_key_label'),
    defaultHmacKeyLabel: read('default_hmac_key_label'),
    mechanism: read('mechanism'),
    hmacMechanism: read('hmac_mechanism'),
    rsaOaepHash: read('rsa_oaep_hash'),
    rsaEncryptLocal: encryptsLocally(givens, notes),
    maxParallel: read('max_parallel') ?? 1,
    generateKey: read('generate_key') ?? false,
    forceRwSession: read('force_rw_session') ?? false,
    anchor: read('anchor') ?? 'off',
    timeout: read('timeout'),
  };
  notes.push(...checkCombination(seal, givens));
  return seal;
}

function toKey(label: string | null, id: Uint8Array | null): KeyReference | null {
  return label === null && id === null ? null : { label, id };
}

/** A key that is named twice is one key, however its id is spelled. */
function toKeys(labels: readonly string[] | null, ids: readonly Uint8Array[] | null): KeyReference[] {
  const distinct = new Map((ids ?? []).map((id) => [hex(id), id]));
  const named = [...new Set(labels)].map((label) => ({ label, id: null }));
  return [...named, ...[...distinct.values()].map((id) => ({ label: null, id }))];
}

/** OpenBao encrypts with the public key outside of the HSM unless it is told not to; coffer does so where it is told to. */
function encryptsLocally(givens: ReadonlyMap<string, Given>, notes: string[]): boolean {
  const local = givens.get('rsa_encrypt_local');
  const inHsm = givens.get('disable_software_encryption');
  const isLocal = local !== undefined && sealReaders.rsa_encrypt_local(local);
  if (inHsm === undefined) return isLocal;
  if (!sealReaders.disable_software_encryption(inHsm)) {
    if (!isLocal) notes.push(`${inHsm.origin} has no effect: the HSM encrypts unless rsa_encrypt_local is true`);
  } else if (isLocal) {
    throw new ConfigError('config_conflict', `${inHsm.origin} and rsa_encrypt_local are both true`, {
      hint: 'remove one of the two: they say the opposite',
    });
  }
  return isLocal;
}

function refuseDisabled(givens: ReadonlyMap<string, Given>): void {
  const given = givens.get('disabled');
  if (given === undefined || !sealReaders.disabled(given)) return;
  throw new ConfigError('seal_disabled', `${given.origin} is true, and there is no other seal`, {
    hint: 'remove the key: without its seal coffer cannot open a store',
  });
}

function notePriority(givens: ReadonlyMap<string, Given>, notes: string[]): void {
  const given = givens.get('priority');
  if (given === undefined) return;
  sealReaders.priority(given);
  notes.push(`${given.origin} has no effect: there is a single seal`);
}

function missing(where: string, what: string, hint: string): ConfigError {
  return new ConfigError('config_missing', `${where}: ${what} is missing`, { hint });
}
