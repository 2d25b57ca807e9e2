/** The front door: a configuration file and the environment in, a Config that the rest of coffer trusts out. */
import type { Document } from './document.ts';
import { sealTypeFromEnvironment } from './environment.ts';
import { configNotFound, readConfigFile, type ConfigFile } from './file.ts';
import { parseHcl } from './hcl.ts';
import { parseJson } from './json.ts';
import type { Config } from './types.ts';
import { validate } from './validate.ts';
import type { Environment } from './variables.ts';

export { moduleFromEnvironment } from './environment.ts';
export { configFiles, defaultStorePath, stateFolder } from './paths.ts';
export { readPin } from './pin.ts';
export { sealReaders } from './seal-values.ts';
export { firstSet, overrides, TRY_VARIABLE, variable, variables } from './variables.ts';
export type { Config, PaddingHash } from './types.ts';

export interface LoadOptions {
  /** What the command line names, or null. */
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
  return validate(await parse(file, env), env);
}

async function parse({ path, text, readableByOthers }: ConfigFile, env: Environment): Promise<Document> {
  const isJson = path.endsWith('.json') || text.trimStart().startsWith('{');
  const contents = isJson ? parseJson(path, text) : await parseHcl(path, text, env);
  return { file: path, readableByOthers, ...contents };
}
