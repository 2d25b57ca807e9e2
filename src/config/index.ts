/** The front door: a configuration file and the environment in, a Config that the rest of coffer trusts out. */
import type { Document } from './document.ts';
import { sealTypeFromEnvironment } from './environment.ts';
import { configNotFound, readConfigFiles, type ConfigFile } from './file.ts';
import { parseHcl } from './hcl.ts';
import { parseJson } from './json.ts';
import type { Config } from './types.ts';
import { validate } from './validate.ts';
import type { Environment } from './variables.ts';

export { moduleFromEnvironment } from './environment.ts';
export { configFiles, defaultStorePath, stateFolder } from './paths.ts';
export { readPin } from './pin.ts';
export { sealReaders } from './seal-values.ts';
export { firstSet, holdsPin, overrides, TRY_VARIABLE, unreadOfServer, variable, variables } from './variables.ts';
export type { Config, PaddingHash } from './types.ts';

export interface LoadOptions {
  /** The files and folders that the command line names, in its order; later ones go before. */
  readonly paths: readonly string[];
  readonly env: Environment;
}

/**
 * Reads, checks and validates the configuration. Neither the PKCS#11 module nor a PIN is touched. Throws a
 * ConfigError; its message never holds a value from the file.
 */
export async function loadConfig({ paths, env }: LoadOptions): Promise<Config> {
  const files = readConfigFiles(paths, env);
  if (files.length === 0 && !sealTypeFromEnvironment(env)) throw configNotFound(env);
  const documents: Document[] = [];
  for (const file of files) documents.push(await parse(file, env));
  return validate(documents, env);
}

/** What a text would mean as the only configuration file, at this path. Nothing is read there. @throws ConfigError as `loadConfig` */
export async function configurationOf(path: string, text: string, env: Environment): Promise<Config> {
  return validate([await parse({ path, text, readableByOthers: false }, env)], env);
}

async function parse({ path, text, readableByOthers }: Omit<ConfigFile, 'id'>, env: Environment): Promise<Document> {
  const isJson = path.endsWith('.json') || text.trimStart().startsWith('{');
  const contents = isJson ? parseJson(path, text) : await parseHcl(path, text, env);
  return { file: path, readableByOthers, ...contents };
}
