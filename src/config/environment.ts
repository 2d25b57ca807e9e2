/** The seal's parameters from the environment: COFFER_HSM_*, or Vault's VAULT_HSM_* where that is not set. */
import { ConfigError } from '../errors.ts';
import type { Pkcs11Key } from './keys.ts';
import { variable, type Environment } from './paths.ts';
import { sealReaders } from './seal-values.ts';
import type { SealParameter } from './seal-values.ts';
import { expandUri } from './uri.ts';
import { readText } from './values.ts';
import type { Given } from './values.ts';

/** Vault's names where Vault has one; note the order of words of the last default. */
const suffixes: readonly (readonly [Pkcs11Key, string])[] = [
  ['lib', 'LIB'],
  ['library_parameters', 'LIBRARY_PARAMETERS'],
  ['slot', 'SLOT'],
  ['token_label', 'TOKEN_LABEL'],
  ['serial', 'SERIAL'],
  ['uri', 'URI'],
  ['pin', 'PIN'],
  ['key_label', 'KEY_LABEL'],
  ['key_id', 'KEY_ID'],
  ['hmac_key_label', 'HMAC_KEY_LABEL'],
  ['hmac_key_id', 'HMAC_KEY_ID'],
  ['mechanism', 'MECHANISM'],
  ['hmac_mechanism', 'HMAC_MECHANISM'],
  ['generate_key', 'GENERATE_KEY'],
  ['force_rw_session', 'FORCE_RW_SESSION'],
  ['max_parallel', 'MAX_PARALLEL'],
  ['timeout', 'TIMEOUT'],
  ['rsa_oaep_hash', 'RSA_OAEP_HASH'],
  ['rsa_encrypt_local', 'RSA_ENCRYPT_LOCAL'],
  ['previous_key_label', 'PREVIOUS_KEY_LABEL'],
  ['previous_key_id', 'PREVIOUS_KEY_ID'],
  ['previous_hmac_key_label', 'PREVIOUS_HMAC_KEY_LABEL'],
  ['previous_hmac_key_id', 'PREVIOUS_HMAC_KEY_ID'],
  ['default_key_label', 'DEFAULT_KEY_LABEL'],
  ['default_hmac_key_label', 'HMAC_DEFAULT_KEY_LABEL'],
  ['name', 'NAME'],
  ['priority', 'PRIORITY'],
  ['disabled', 'DISABLED'],
];

/**
 * Parameters that choose one thing together. All of them must match, so one from the environment beside one from the
 * file could name something that is neither's: where the environment gives one, the file's others are dropped.
 */
const choices: readonly (readonly SealParameter[])[] = [
  ['slot', 'token_label', 'serial', 'manufacturer', 'model'],
  ['key_label', 'key_id', 'key_class'],
  ['hmac_key_label', 'hmac_key_id'],
];

/** What the seal is to be, the environment before the file. `fromFile` has its `uri` taken apart, as the answer has. */
export function withEnvironment(fromFile: ReadonlyMap<string, Given>, env: Environment): ReadonlyMap<string, Given> {
  const all = new Map(fromFile);
  const overrides = expandUri(fromEnvironment(env));
  for (const choice of choices) {
    if (choice.some((parameter) => overrides.has(parameter))) choice.forEach((parameter) => all.delete(parameter));
  }
  for (const [parameter, given] of overrides) all.set(parameter, given);
  return all;
}

function fromEnvironment(env: Environment): ReadonlyMap<string, Given> {
  const givens = new Map<string, Given>();
  for (const [key, suffix] of suffixes) {
    const given = firstSet(env, [`COFFER_HSM_${suffix}`, `VAULT_HSM_${suffix}`]);
    if (given !== null) givens.set(key, given);
  }
  return givens;
}

/** The module that the environment names, for commands that work without a configuration. @throws ConfigError `config_value` */
export function moduleFromEnvironment(env: Environment): {
  readonly lib: string | null;
  readonly parameters: string | null;
  readonly timeout: number | null;
} {
  const given = fromEnvironment(env);
  const [lib, parameters, timeout] = [given.get('lib'), given.get('library_parameters'), given.get('timeout')];
  return {
    lib: lib === undefined ? null : readText(lib),
    parameters: parameters === undefined ? null : sealReaders.library_parameters(parameters),
    timeout: timeout === undefined ? null : sealReaders.timeout(timeout),
  };
}

/** Whether the environment asks for the pkcs11 seal, so that no seal stanza is needed. */
export function sealTypeFromEnvironment(env: Environment): boolean {
  const given = firstSet(env, ['COFFER_SEAL_TYPE', 'VAULT_SEAL_TYPE']);
  if (given === null) return false;
  if (given.value === 'pkcs11') return true;
  throw new ConfigError('config_seal_type', `${given.origin} must be "pkcs11", the only seal that coffer has`, {
    hint: 'set COFFER_SEAL_TYPE=pkcs11',
  });
}

export function storagePathFromEnvironment(env: Environment): Given | null {
  return firstSet(env, ['COFFER_STORAGE_PATH']);
}

function firstSet(env: Environment, names: readonly string[]): Given | null {
  for (const name of names) {
    const value = variable(env, name);
    if (value !== null) return { value, origin: `environment variable ${name}`, verbatim: true };
  }
  return null;
}
