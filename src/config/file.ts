/** Finds the configuration file and reads it, if nobody else could have written it. */
import * as fs from 'node:fs';
import { ConfigError, isNoSuchFile, systemErrorCode } from '../errors.ts';
import { changedBy, describeExposure, type Exposure, exposures } from '../exposure.ts';
import { shellWord } from '../shell.ts';
import { configFiles } from './paths.ts';
import { variable, type Environment } from './variables.ts';

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
  /** Whether the group or others may read it. */
  readonly readableByOthers: boolean;
}

const maximumSize = 1 << 20;

/**
 * Reads the file that the command line names, else COFFER_CONFIG, else the first default place that has one. The current
 * directory is never looked at. Null when there is no file and none was named.
 */
export function readConfigFile(named: string | null, env: Environment): ConfigFile | null {
  const explicit = named ?? variable(env, 'config');
  if (explicit !== null) {
    const file = read(explicit);
    if (file !== null) return file;
    const origin = named === null ? 'COFFER_CONFIG' : 'the command line';
    throw new ConfigError('config_not_found', `no configuration at ${explicit}, which ${origin} names`, {
      hint: [
        named === null ? 'write the file or correct COFFER_CONFIG' : { remedy: 'correct-configuration' },
        `\n${minimalConfig}`,
      ],
    });
  }
  for (const path of configFiles(env)) {
    const file = read(path);
    if (file !== null) return file;
  }
  return null;
}

/** For when there is neither a file nor an environment that replaces one. */
export function configNotFound(env: Environment): ConfigError {
  const places = configFiles(env);
  return new ConfigError('config_not_found', `no configuration found; looked at ${places.join(' and ')}`, {
    hint: [{ remedy: 'choose-configuration' }, ` or COFFER_CONFIG, or write ${places[0]}:\n${minimalConfig}`],
  });
}

const minimalConfig = `  seal "pkcs11" {
    lib            = "/path/to/pkcs11-module.so"
    token_label    = "my-token"
    key_label      = "coffer"
    hmac_key_label = "coffer-hmac"
    generate_key   = true
  }`;

function read(path: string): ConfigFile | null {
  let file: number;
  try {
    // O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
    file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (isNoSuchFile(error)) return null;
    throw unreadable(path, error);
  }
  try {
    // The open file is checked, not its name, so that nothing can be put in its place between check and use.
    const stat = fs.fstatSync(file);
    if (!stat.isFile()) throw unreadable(path, 'not a regular file');
    if (stat.size > maximumSize) throw unreadable(path, 'larger than 1 MiB');
    refuseWritable(path, stat);
    const bytes = fs.readFileSync(file);
    return { path, text: decode(path, bytes), readableByOthers: (stat.mode & 0o044) !== 0 };
  } finally {
    fs.closeSync(file);
  }
}

/** A configuration names a library that coffer loads: who can write one can run code as the operator. */
function refuseWritable(path: string, stat: fs.Stats): void {
  const by = changedBy(stat);
  if (by === 'mode') {
    throw new ConfigError('config_writable', `${path}: other users can write this configuration file`, {
      hint: `look through it, then run: chmod go-w ${shellWord(path)}`,
    });
  }
  if (by === 'owner') {
    throw new ConfigError('config_writable', `${path}: this configuration file belongs to another user`, {
      hint: `look through it, then run: chown ${process.getuid?.() ?? 'root'} ${shellWord(path)}`,
    });
  }
  const exposure = exposuresOf(path).find(({ at }) => at !== 'end');
  if (exposure === undefined) return;
  const { problem, remedy } = describeExposure(exposure);
  throw new ConfigError('config_writable', `${path}: other users can replace this file, for ${problem}`, {
    hint: remedy,
  });
}

function exposuresOf(path: string): Exposure[] {
  try {
    return exposures(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError('config_syntax', `${path}: is not UTF-8 text`, { hint: 'save the file as UTF-8' });
  }
}

function unreadable(path: string, error: unknown): ConfigError {
  const what = `${path}: cannot read this configuration file: ${systemErrorCode(error) ?? String(error)}`;
  return new ConfigError('config_unreadable', what, {
    hint: ['check its permissions and those of the directories above it, or ', { remedy: 'other-configuration' }],
  });
}
