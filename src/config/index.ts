/** The front door: a configuration file and the environment in, a Config that the rest of coffer trusts out. */
import { shellWord } from '../shell.ts';
import type { Document } from './document.ts';
import { sealTypeFromEnvironment } from './environment.ts';
import { configNotFound, readConfigFile, type ConfigFile } from './file.ts';
import { parseHcl } from './hcl.ts';
import { parseJson } from './json.ts';
import type { Environment } from './paths.ts';
import { parsePinSource, pinFileNote } from './pin.ts';
import type { Config } from './types.ts';
import { holdsPin } from './uri.ts';
import { validate } from './validate.ts';

export { moduleFromEnvironment } from './environment.ts';
export { stateFolder } from './paths.ts';
export { readPin } from './pin.ts';
export { sealReaders } from './seal-values.ts';
export type {
  Config,
  KeyReference,
  PaddingHash,
  PinSource,
  Pkcs11SealConfig,
  StorageConfig,
  TokenSelector,
  WrappingKeyReference,
} from './types.ts';

export interface LoadOptions {
  /** The value of -config, or null. */
  readonly path: string | null;
  readonly env: Environment;
}

/**
 * Reads, checks and validates the configuration. Neither the PKCS#11 module nor a PIN is touched. Throws a
 * ConfigError; its message never holds a value from the file.
 */
export async function loadConfig({ path, env }: LoadOptions): Promise<Config> {
  const file = readConfigFile(path, env);
  if (file === null) {
    if (!sealTypeFromEnvironment(env)) throw configNotFound(env);
    return validate(null, env);
  }
  const document = await parse(file, env);
  const config = validate(document, env);
  return { ...config, notes: [...config.notes, ...pinNotes(config, document, file)] };
}

async function parse(file: ConfigFile, env: Environment): Promise<Document> {
  const isJson = file.path.endsWith('.json') || file.text.trimStart().startsWith('{');
  const contents = isJson ? parseJson(file.path, file.text) : await parseHcl(file.path, file.text, env);
  return { ...contents, file: file.path };
}

/** A literal PIN that others can read is worth a note even where the environment overrides it. */
function pinNotes(config: Config, document: Document, file: ConfigFile): string[] {
  const notes = [config.seal.pin === null ? null : pinFileNote(config.seal.pin)];
  const withPin = document.stanzas.some(
    ({ settings }) => isLiteralPin(settings.get('pin')?.value) || holdsPin(settings.get('uri')?.value),
  );
  if (withPin && file.readableByOthers) {
    notes.push(`${file.path}: holds a PIN, and other users can read it; run: chmod go= ${shellWord(file.path)}`);
  }
  return notes.filter((note) => note !== null);
}

function isLiteralPin(value: unknown): boolean {
  return typeof value === 'string' && parsePinSource(value, 'pin').kind === 'literal';
}
