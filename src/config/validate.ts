/** A parsed file and the environment to a Config: every name known, every value of its type, nothing ignored unsaid. */
import { ConfigError } from '../errors.ts';
import { shellWord } from '../shell.ts';
import { place, title, type Document, type Setting, type Stanza } from './document.ts';
import { sealTypeFromEnvironment, storagePathFromEnvironment, withEnvironment } from './environment.ts';
import { checkNames } from './names.ts';
import { defaultStorePath } from './paths.ts';
import { isLiteralPin, pinFileNote } from './pin.ts';
import { toSealConfig } from './seal.ts';
import type { Config, PinSource, StorageConfig } from './types.ts';
import { expandUri } from './uri.ts';
import { readAbsolutePath, readFlag, readText, type Given } from './values.ts';
import type { Environment } from './variables.ts';

/** `document` is null when the environment alone is the configuration. */
export function validate(document: Document | null, env: Environment): Config {
  const settings = new Map<string, Setting>();
  const parsed = document ?? { file: 'environment', readableByOthers: false, stanzas: [], settings };
  const notes: string[] = [];
  const ignored = checkNames(parsed);
  if (ignored.length > 0)
    notes.push(`${parsed.file}: ignored, for only a Vault server needs it: ${ignored.join(', ')}`);
  refuseDisabledSealWrap(topLevel(parsed, 'disable_sealwrap'));
  const storage = toStorage(parsed, env, notes);
  const stanza = sealStanza(parsed, env);
  const fromFile = stanza === null ? new Map<string, Given>() : expandUri(givens(parsed, stanza));
  const where = stanza === null ? `${parsed.file}: seal pkcs11` : whereIs(parsed, stanza);
  const seal = toSealConfig(withEnvironment(fromFile, env), where, notes);
  const entropyAugmentation = toEntropyAugmentation(parsed);
  const flag = topLevel(parsed, 'auto_unseal');
  const autoUnseal = flag !== null && readFlag(flag);
  const storeId = toStoreId(topLevel(parsed, 'store_id'));
  if (document !== null) notes.push(...pinNotes(document, fromFile.get('pin'), seal.pin));
  return { file: document?.file ?? null, storage, seal, entropyAugmentation, autoUnseal, storeId, notes };
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

function toStorage(document: Document, env: Environment, notes: string[]): StorageConfig {
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
    const setting = givens(document, sqlite).get('path');
    if (setting === undefined) {
      throw new ConfigError('config_missing', `${whereIs(document, sqlite)}: path is missing`, {
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

/** Null where the environment alone says what the seal is. */
function sealStanza(document: Document, env: Environment): Stanza | null {
  const fromEnvironment = sealTypeFromEnvironment(env);
  const stanza = onlyStanza(document, 'seal', 'pkcs11', (where) => {
    throw new ConfigError('config_seal_type', `${where}: coffer has no such seal; the only one is "pkcs11"`, {
      hint: 'write seal "pkcs11" { ... }',
    });
  });
  if (stanza !== null || fromEnvironment) return stanza;
  throw new ConfigError('config_missing', `${document.file}: stanza seal "pkcs11" is missing`, {
    hint: 'add seal "pkcs11" { ... }, or set COFFER_SEAL_TYPE=pkcs11, COFFER_HSM_LIB and so on',
  });
}

function toEntropyAugmentation(document: Document): boolean {
  const hint = 'write entropy "seal" { mode = "augmentation" }, or remove the stanza';
  const stanza = onlyStanza(document, 'entropy', 'seal', (where) => {
    throw new ConfigError('config_value', `${where}: the only source of entropy is "seal"`, { hint });
  });
  if (stanza === null) return false;
  const mode = givens(document, stanza).get('mode');
  if (mode === undefined) {
    throw new ConfigError('config_missing', `${whereIs(document, stanza)}: mode is missing`, { hint });
  }
  if (readText(mode) === 'augmentation') return true;
  throw new ConfigError('config_value', `${mode.origin} must be "augmentation"`, { hint });
}

/** A PIN in the file that others can read is worth a note even where the environment overrides it. */
function pinNotes({ file, readableByOthers }: Document, fromFile: Given | undefined, used: PinSource | null): string[] {
  const notes = [used === null ? null : pinFileNote(used)];
  if (fromFile !== undefined && isLiteralPin(fromFile) && readableByOthers) {
    notes.push(`${file}: holds a PIN, and other users can read it; run: chmod go= ${shellWord(file)}`);
  }
  return notes.filter((note) => note !== null);
}

/** The one stanza of this name and type, or null. `other` is called for each stanza of the name with another type. */
function onlyStanza(document: Document, name: string, type: string, other: (where: string) => void): Stanza | null {
  let found: Stanza | null = null;
  for (const stanza of document.stanzas) {
    if (stanza.name !== name) continue;
    if (title(stanza) !== title({ name, labels: [type] })) {
      other(whereIs(document, stanza));
    } else if (found === null) {
      found = stanza;
    } else {
      const line = found.at === null ? '' : ` on line ${found.at.line}`;
      throw new ConfigError('config_duplicate', `${whereIs(document, stanza)}: there is such a stanza already${line}`, {
        hint: 'keep one of them and remove the other',
      });
    }
  }
  return found;
}

function topLevel(document: Document, name: string): Given | null {
  const setting = document.settings.get(name);
  return setting === undefined ? null : given(document, name, setting);
}

function givens(document: Document, stanza: Stanza): Map<string, Given> {
  return new Map([...stanza.settings].map(([name, one]) => [name, given(document, `${title(stanza)}: ${name}`, one)]));
}

function given(document: Document, what: string, { value, at }: Setting): Given {
  return { value, origin: `${place(document.file, at)}: ${what}`, verbatim: false };
}

function whereIs(document: Document, stanza: Stanza): string {
  return `${place(document.file, stanza.at)}: ${title(stanza)}`;
}
