/** Finds the configuration files and reads them, if nobody else could have written them. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { ConfigError, isNoSuchFile, systemErrorCode, systemErrorText } from '../errors.ts';
import { changedBy, describeExposure, type Exposure, exposures, letsOthersAdd, ownerHint } from '../exposure.ts';
import { shellWord } from '../shell.ts';
import { configFiles } from './paths.ts';
import { firstSet, variable, variables, type Environment } from './variables.ts';

export interface ConfigFile {
  readonly path: string;
  /** The same for the same file, by whatever name. */
  readonly id: string;
  readonly text: string;
  /** Whether the group or others may read it. */
  readonly readableByOthers: boolean;
}

const maximumSize = 1 << 20;

/**
 * Reads the files and folders that the command line names, else COFFER_CONFIG, else the first default place that has a file.
 * The current directory is never looked at. A file that is named in two ways is read once. None when there is none and none
 * was named.
 */
export function readConfigFiles(named: readonly string[], env: Environment): ConfigFile[] {
  const fromVariable = variable(env, 'config');
  const explicit = named.length > 0 || fromVariable === null ? named : [fromVariable];
  if (explicit.length > 0) {
    const found = explicit.flatMap((path) => readNamed(path) ?? failNotFound(path, named.length > 0));
    return found.filter(({ id }, at) => found.findIndex((other) => other.id === id) === at);
  }
  for (const path of configFiles(env)) {
    const file = read(path);
    if (file !== null) return [file];
  }
  return [];
}

function failNotFound(path: string, isFlag: boolean): never {
  const origin = isFlag ? 'the command line' : 'COFFER_CONFIG';
  const isJson = path.endsWith('.json'); // which `coffer setup` does not write
  throw new ConfigError('config_not_found', `no configuration at ${path === '' ? '""' : path}, which ${origin} names`, {
    hint: [
      ...(isJson ? [] : ['write one with `coffer setup`', isFlag ? SAME : '', ', which asks for what is needed, or ']),
      isFlag ? { remedy: 'correct-configuration' } : 'write the file or correct COFFER_CONFIG',
      `\n${minimalConfig}`,
    ],
  });
}

const SAME = { remedy: 'same-configuration' } as const;

/** A file, or what is in a folder; null where there is neither. */
function readNamed(path: string): ConfigFile[] | null {
  if (isFolder(path)) return readFolder(path);
  const file = read(path);
  return file === null ? null : [file];
}

/**
 * The .hcl and .json files of a folder, as a Vault server takes them, in the order of their names, which a server leaves to
 * the file system.
 */
function readFolder(folder: string): ConfigFile[] {
  if (letsOthersAdd(folder)) {
    throw new ConfigError('config_writable', `${folder}: other users can add files to this configuration folder`, {
      hint: `look through it, then run: chmod go-w ${shellWord(folder)}`,
    });
  }
  const found = namesIn(folder)
    .filter((name) => /\.(?:hcl|json)$/.test(name) && !/^\.#/.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => !isFolder(path))
    .flatMap((path) => read(path) ?? []);
  if (found.length > 0) return found;
  throw new ConfigError('config_not_found', `no configuration in the folder ${folder}`, {
    hint: 'name one with a file whose name ends in .hcl or .json, or name the file itself',
  });
}

/** What cannot be looked at is told when it is opened. */
function isFolder(path: string): boolean {
  try {
    return fs.statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** For when there is neither a file nor an environment that replaces one. */
export function configNotFound(env: Environment): ConfigError {
  const places = configFiles(env);
  const module = firstSet(env, variables.lib);
  const alone = module === null ? '' : `set COFFER_SEAL_TYPE=pkcs11 beside ${module.name} to do without one, or `;
  return new ConfigError('config_not_found', `no configuration found; looked at ${places.join(' and ')}`, {
    hint: [
      `${alone}write one with \`coffer setup\`, which asks for what is needed, or `,
      { remedy: 'choose-configuration' },
      ` or COFFER_CONFIG, or write ${places[0]}:\n${minimalConfig}`,
    ],
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
    const id = `${stat.dev}:${stat.ino}`;
    return { path, id, text: decode(path, bytes), readableByOthers: (stat.mode & 0o044) !== 0 };
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
    const problem = `${path}: this configuration file belongs to another user (uid ${stat.uid})`;
    throw new ConfigError('config_writable', problem, { hint: ownerHint() });
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
  const reason = typeof error === 'string' ? error : systemErrorText(error);
  return new ConfigError('config_unreadable', `${path}: cannot read this configuration file: ${reason}`, {
    hint: [
      systemErrorCode(error) === 'EACCES' ? 'run coffer as the user who owns it, or ' : 'check what it is, or ',
      { remedy: 'other-configuration' },
    ],
  });
}
