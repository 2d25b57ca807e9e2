/** What the environment says instead of a configuration file. */
import { ConfigError } from '../errors.ts';
import { type SealParameter, sealReaders } from './seal-values.ts';
import { expandUri } from './uri.ts';
import { type Given, readText } from './values.ts';
import { firstSet, sealVariables, variables, type Environment } from './variables.ts';

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
  for (const [key, names] of Object.entries(sealVariables)) {
    const given = givenIn(env, names);
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
  const given = givenIn(env, variables.seal_type);
  if (given === null) return false;
  if (String(given.value).toLowerCase() === 'pkcs11') return true;
  throw new ConfigError('config_seal_type', `${given.origin} must be "pkcs11", the only seal that coffer has`, {
    hint: 'set COFFER_SEAL_TYPE=pkcs11',
  });
}

export function storagePathFromEnvironment(env: Environment): Given | null {
  return givenIn(env, variables.storage_path);
}

function givenIn(env: Environment, names: readonly string[]): Given | null {
  const found = firstSet(env, names);
  if (found === null) return null;
  return { value: found.value, origin: `environment variable ${found.name}`, file: null, verbatim: true };
}
