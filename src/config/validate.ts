/** A parsed file and the environment to a Config: every name known, every value of its type, nothing ignored unsaid. */
import { ConfigError } from '../errors.ts';
import { shellWord } from '../shell.ts';
import {
  isSeal,
  kind,
  nameOf,
  place,
  title,
  type Contents,
  type Document,
  type Setting,
  type Stanza,
} from './document.ts';
import { sealTypeFromEnvironment, storagePathFromEnvironment, withEnvironment } from './environment.ts';
import { serverOnlyInSeal, synonyms } from './keys.ts';
import { merge } from './merge.ts';
import { checkNames } from './names.ts';
import { defaultStorePath } from './paths.ts';
import { isLiteralPin, pinFileNote, pinVariable } from './pin.ts';
import { toSealConfig } from './seal.ts';
import type { Config, PinSource, StorageConfig } from './types.ts';
import { expandUri } from './uri.ts';
import { readAbsolutePath, readFlag, readText, type Given } from './values.ts';
import type { Environment } from './variables.ts';

/** `documents` are in the order in which they were named; none when the environment alone is the configuration. */
export function validate(documents: readonly Document[], env: Environment): Config {
  const notes: string[] = [];
  for (const document of documents) {
    const ignored = checkNames(document);
    if (ignored.length > 0)
      notes.push(`${document.file}: ignored, for only a Vault server needs it: ${ignored.join(', ')}`);
    // Also where a later file takes it back: a server takes the two together.
    refuseDisabledSealWrap(topLevel(document, 'disable_sealwrap'));
  }
  const files = documents.map(({ file }) => file);
  const parsed = merge(documents, notes);
  const storage = toStorage(parsed, env, notes);
  const stanza = sealStanza(parsed, files, env, notes);
  const fromFile = stanza === null ? new Map<string, Given>() : expandUri(sealGivens(stanza));
  const where = stanza === null ? 'environment: seal pkcs11' : whereIs(stanza);
  const seal = toSealConfig(withEnvironment(fromFile, env), where, notes);
  const entropyAugmentation = toEntropyAugmentation(parsed);
  const flag = topLevel(parsed, 'auto_unseal');
  const autoUnseal = flag !== null && readFlag(flag);
  const storeId = toStoreId(topLevel(parsed, 'store_id'));
  notes.push(...pinNotes(documents, fromFile.get('pin'), seal.pin));
  const pins = parsed.stanzas.filter(isSeal).flatMap((one) => givens(one).get('pin') ?? []);
  const pinVariables = pins.flatMap((pin) => pinVariable(pin) ?? []);
  return { files, storage, seal, entropyAugmentation, autoUnseal, storeId, pinVariables, notes };
}

/** A Vault server can switch seal wrapping off for all; somebody who has done so must hear that coffer does not. */
function refuseDisabledSealWrap(setting: Given | null): void {
  if (setting === null || !readFlag(setting)) return;
  throw new ConfigError('unsupported', `${setting.origin} is not supported: coffer decides per mount`, {
    hint: ['remove it; ', { remedy: 'wrap-mount' }],
  });
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function toStoreId(setting: Given | null): string | null {
  if (setting === null) return null;
  const id = readText(setting).toLowerCase();
  if (UUID.test(id)) return id;
  throw new ConfigError('config_value', `${setting.origin} is not the id of a store`, {
    hint: 'write the Store ID that `coffer seal-status` shows, or remove it to take whatever store is there',
  });
}

function toStorage(document: Contents, env: Environment, notes: string[]): StorageConfig {
  const override = storagePathFromEnvironment(env);
  const sqlite = onlyStanza(document, 'storage', 'sqlite', (where) => {
    if (override === null) {
      const problem = `${where}: coffer has no such storage; it keeps its store in SQLite`;
      throw new ConfigError('config_storage_type', problem, {
        hint: 'write storage "sqlite" { path = "/absolute/path/coffer.db" }, or set COFFER_STORAGE_PATH to such a path',
      });
    }
    notes.push(`${where} is ignored: COFFER_STORAGE_PATH is set`);
  });
  let path = defaultStorePath(env, process.getuid?.());
  if (sqlite !== null) {
    const setting = givens(sqlite).get('path');
    if (setting === undefined) {
      throw new ConfigError('config_missing', `${whereIs(sqlite)}: path is missing`, {
        hint: 'add path = "/absolute/path/coffer.db", or remove the stanza to use the default path',
      });
    }
    path = readAbsolutePath(setting);
  }
  if (override !== null) path = readAbsolutePath(override);
  if (path !== null) return { type: 'sqlite', path };
  throw new ConfigError('config_missing', 'no place for the store: there is no home directory', {
    hint: 'set HOME or COFFER_STORAGE_PATH, or write storage "sqlite" { path = "/absolute/path/coffer.db" }',
  });
}

/** Null where the environment alone says what the seal is. One that is disabled is what a server migrates from. */
function sealStanza(
  { stanzas, settings }: Contents,
  files: readonly string[],
  env: Environment,
  notes: string[],
): Stanza | null {
  const fromEnvironment = sealTypeFromEnvironment(env);
  const seals = stanzas.filter(isSeal);
  const [disabled, active] = [true, false].map((wanted) => seals.filter((seal) => isDisabled(seal) === wanted));
  const stanza = onlyStanza({ stanzas: active ?? [], settings }, 'seal', 'pkcs11', (where) => {
    throw new ConfigError('config_seal_type', `${where}: coffer has no such seal; the only one is "pkcs11"`, {
      hint: 'write seal "pkcs11" { ... }; one that a server was migrated from may stay with disabled = "true"',
    });
  });
  // Where there is no other, that it is disabled is the error, unless the environment says otherwise.
  const only = stanza ?? disabled?.find((seal) => kind(seal) === 'seal "pkcs11"') ?? null;
  for (const seal of disabled ?? []) {
    if (seal !== only) notes.push(`${whereIs(seal)} is ignored: it is disabled`);
  }
  if (only !== null || fromEnvironment) return only;
  throw new ConfigError('config_missing', `${files.join(', ')}: stanza seal "pkcs11" is missing`, {
    hint: 'add seal "pkcs11" { ... }, or set COFFER_SEAL_TYPE=pkcs11, COFFER_HSM_LIB and so on',
  });
}

function isDisabled(seal: Stanza): boolean {
  const setting = givens(seal).get('disabled');
  return setting !== undefined && readFlag(setting);
}

/** What the stanza says, under coffer's names. */
function sealGivens(stanza: Stanza): ReadonlyMap<string, Given> {
  const all = new Map<string, Given>();
  for (const [name, one] of givens(stanza)) {
    if (serverOnlyInSeal.has(name)) continue;
    const key = synonyms.get(name) ?? name;
    if (all.has(key)) {
      throw new ConfigError('config_duplicate', `${one.origin} says the same as another key of the stanza`, {
        hint: `keep ${key} alone`,
      });
    }
    all.set(key, one);
  }
  return all;
}

function toEntropyAugmentation(document: Contents): boolean {
  const hint = 'write entropy "seal" { mode = "augmentation" }, or remove the stanza';
  const stanza = onlyStanza(document, 'entropy', 'seal', (where) => {
    throw new ConfigError('config_value', `${where}: the only source of entropy is "seal"`, { hint });
  });
  if (stanza === null) return false;
  const mode = givens(stanza).get('mode');
  if (mode === undefined) {
    throw new ConfigError('config_missing', `${whereIs(stanza)}: mode is missing`, { hint });
  }
  if (readText(mode) === 'augmentation') return true;
  throw new ConfigError('config_value', `${mode.origin} must be "augmentation"`, { hint });
}

/** A PIN in the file that others can read is worth a note even where the environment overrides it. */
function pinNotes(documents: readonly Document[], fromFile: Given | undefined, used: PinSource | null): string[] {
  const notes = [used === null ? null : pinFileNote(used)];
  const holder = documents.find(({ file, readableByOthers }) => readableByOthers && file === fromFile?.file);
  if (holder !== undefined && fromFile !== undefined && isLiteralPin(fromFile)) {
    const { file } = holder;
    notes.push(`${file}: holds a PIN, and other users can read it; run: chmod go= ${shellWord(file)}`);
  }
  return notes.filter((note) => note !== null);
}

/** The one stanza of this name and type, or null. `other` is called for each stanza of the name with another type. */
function onlyStanza(document: Contents, name: string, type: string, other: (where: string) => void): Stanza | null {
  let found: Stanza | null = null;
  for (const stanza of document.stanzas) {
    if (nameOf(stanza) !== name) continue;
    if (kind(stanza) !== title({ name, labels: [type] })) {
      other(whereIs(stanza));
    } else if (found === null) {
      found = stanza;
    } else {
      const line = found.at === null ? '' : ` on line ${found.at.line}`;
      const file = found.file === stanza.file ? '' : ` of ${found.file}`;
      const problem = `${whereIs(stanza)}: there is such a stanza already${line}${file}`;
      throw new ConfigError('config_duplicate', problem, {
        hint: 'keep one of them and remove the other',
      });
    }
  }
  return found;
}

function topLevel(document: Contents, name: string): Given | null {
  const setting = document.settings.get(name);
  return setting === undefined ? null : given(name, setting);
}

function givens(stanza: Stanza): Map<string, Given> {
  return new Map([...stanza.settings].map(([name, one]) => [name, given(`${title(stanza)}: ${name}`, one)]));
}

function given(what: string, setting: Setting): Given {
  return { value: setting.value, origin: `${place(setting)}: ${what}`, file: setting.file, verbatim: false };
}

function whereIs(stanza: Stanza): string {
  return `${place(stanza)}: ${title(stanza)}`;
}
