/** PIN sources: how they are written, and the PIN itself, read only when a token wants it. */
import * as fs from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { shellWord } from '../shell.ts';
import { variable, type Environment } from './paths.ts';
import type { PinSource } from './types.ts';

/**
 * `env:NAME`, `file:/absolute/path` (also as Vault's `env://NAME` and `file:///path`), `credential:NAME`, or the PIN
 * itself. `origin` begins the message of the ConfigError.
 */
export function parsePinSource(value: string, origin: string): PinSource {
  const [, kind, rest] = /^(env|file|credential):(?:\/\/)?(.*)$/su.exec(value) ?? [];
  if (kind === undefined || rest === undefined) return { kind: 'literal', value };
  if (kind === 'env') {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(rest)) return { kind: 'env', name: rest };
    throw new ConfigError('config_value', `${origin} does not name an environment variable after "env:"`, {
      hint: 'write pin = "env:NAME"',
    });
  }
  if (kind === 'credential') {
    // The names that systemd.exec(5) allows.
    if (/^[!-9;-~]{1,255}$/.test(rest) && !rest.includes('/') && rest !== '.' && rest !== '..') {
      return { kind: 'credential', name: rest };
    }
    throw new ConfigError('config_value', `${origin} does not name a systemd credential after "credential:"`, {
      hint: 'write pin = "credential:NAME", and LoadCredential=NAME:/path in the unit',
    });
  }
  if (isAbsolute(rest)) return { kind: 'file', path: rest };
  throw new ConfigError('config_value', `${origin} must have an absolute path after "file:"`, {
    hint: 'write pin = "file:/path/to/pin"',
  });
}

/** The PIN: a file's one trailing line break is not part of it. Throws a ConfigError when there is none. */
export function readPin(source: PinSource, env: Environment): string {
  switch (source.kind) {
    case 'literal':
      return source.value;
    case 'env': {
      const value = env[source.name];
      if (value) return value;
      throw new ConfigError('pin_not_set', `environment variable ${source.name}, which pin names, is not set or empty`, {
        hint: `set ${source.name} or COFFER_HSM_PIN to the PIN, or change pin in the configuration`,
      });
    }
    case 'file':
      return readPinFile(source.path);
    case 'credential':
      return readPinFile(join(credentialsFolder(source.name, env), source.name));
  }
}

/** A remark for the operator when others can read the PIN file, else null. Says nothing of a missing file. */
export function pinFileNote(source: PinSource): string | null {
  if (source.kind !== 'file') return null;
  try {
    const readable = (fs.statSync(source.path).mode & 0o044) !== 0;
    return readable ? `${source.path}: other users can read this PIN file; run: chmod go= ${shellWord(source.path)}` : null;
  } catch {
    return null;
  }
}

function credentialsFolder(name: string, env: Environment): string {
  const folder = variable(env, 'CREDENTIALS_DIRECTORY');
  if (folder !== null) return folder;
  throw new ConfigError('pin_not_set', `no systemd credential ${name}, which pin names: CREDENTIALS_DIRECTORY is not set`, {
    hint: `run coffer in a systemd unit with LoadCredential=${name}:/path, or set COFFER_HSM_PIN`,
  });
}

/** What cannot be a PIN must not cost one of the token's tries. */
function readPinFile(path: string): string {
  const pin = decode(read(path))?.replace(/\r?\n$/, '');
  if (pin === '') throw new ConfigError('pin_not_set', `${path}: this PIN file is empty`, { hint: 'write the PIN to it, on one line' });
  if (pin !== undefined && !/\p{Cc}/u.test(pin)) return pin;
  throw new ConfigError('pin_malformed', `${path}: this PIN file holds something else than one line of text; the token was not asked`, {
    hint: 'write the PIN to it, on one line and nothing else',
  });
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function read(path: string): Uint8Array {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new ConfigError('pin_unreadable', `${path}: cannot read this PIN file: ${reason}`, {
      hint: 'check that it exists and that you may read it, or set COFFER_HSM_PIN',
    });
  }
}
