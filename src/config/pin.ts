/** PIN sources: how they are written, and the PIN itself, read only when a token wants it. */
import * as fs from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ConfigError, systemErrorText } from '../errors.ts';
import { pinFrom } from '../pin.ts';
import { shellWord } from '../shell.ts';
import type { PinSource } from './types.ts';
import type { Given } from './values.ts';
import type { Environment } from './variables.ts';

/**
 * `env:NAME`, `file:/absolute/path` (also as Vault's `env://NAME` and `file:///path`), `credential:NAME`, or the PIN
 * itself, which Vault also writes `string://PIN`. `value` is that of the Given.
 * @throws ConfigError `config_value`, `pin_malformed`
 */
export function parsePinSource(value: string, { origin, file, verbatim }: Given): PinSource {
  if (verbatim) return { kind: 'literal', value, origin, file };
  const [, kind, rest] = /^(env|file|credential):(?:\/\/)?(.*)$/su.exec(value) ?? [];
  if (kind === undefined || rest === undefined) {
    const pin = value.replace(/^string:\/\//, '');
    return { kind: 'literal', value: withoutBlanks(pin, origin), origin, file };
  }
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

/** The environment variable that a `pin` names, right or wrong; null for any other source. */
export function pinVariable({ value }: Given): string | null {
  return typeof value === 'string' ? (/^env:(?:\/\/)?(.+)$/su.exec(value)?.[1] ?? null) : null;
}

/** The PIN, read anew. Throws a ConfigError when there is none, or something that cannot be one. */
export function readPin(source: PinSource, env: Environment): string {
  switch (source.kind) {
    case 'literal':
      return pinFrom(source.value, source.origin);
    case 'env': {
      const value = env[source.name];
      const origin = `environment variable ${source.name}, which pin names,`;
      if (value) return withoutBlanks(pinFrom(value, origin), origin);
      const problem = `environment variable ${source.name}, which pin names, is not set or empty`;
      throw new ConfigError('pin_not_set', problem, {
        hint: `set ${source.name} or COFFER_HSM_PIN to the PIN, or change pin in the configuration`,
      });
    }
    case 'file':
      return readPinFile(source.path);
    case 'credential':
      return readPinFile(join(credentialsFolder(source.name, env), source.name));
  }
}

/** Whether what is given for `pin` holds the PIN itself. @throws ConfigError `config_value` */
export function isLiteralPin(given: Given): boolean {
  return typeof given.value === 'string' && parsePinSource(given.value, given).kind === 'literal';
}

/** A remark for the operator when others can read the PIN file, else null. Says nothing of a missing file. */
export function pinFileNote(source: PinSource): string | null {
  if (source.kind !== 'file') return null;
  try {
    const readable = (fs.statSync(source.path).mode & 0o044) !== 0;
    return readable
      ? `${source.path}: other users can read this PIN file; run: chmod go= ${shellWord(source.path)}`
      : null;
  } catch {
    return null;
  }
}

function credentialsFolder(name: string, env: Environment): string {
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder && isAbsolute(folder)) return folder;
  const why = folder ? 'is not an absolute path' : 'is not set';
  const problem = `no systemd credential ${name}, which pin names: CREDENTIALS_DIRECTORY ${why}`;
  throw new ConfigError('pin_not_set', problem, {
    hint: `run coffer in a systemd unit with LoadCredential=${name}:/path, or set COFFER_HSM_PIN`,
  });
}

function readPinFile(path: string): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(read(path));
  const origin = `${path}: this PIN file`;
  return withoutBlanks(pinFrom(text, origin), origin);
}

/** Vault cuts blanks off around what these sources hold, so that with them one of two readings costs a try. */
function withoutBlanks(pin: string, origin: string): string {
  if (pin === pin.trim()) return pin;
  const problem = `${origin} begins or ends with a blank, which Vault would leave out; the token was not asked`;
  throw new ConfigError('pin_malformed', problem, {
    hint: 'remove the blank; if it is part of the PIN, set COFFER_HSM_PIN, which is taken as it is',
  });
}

function read(path: string): Uint8Array {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    const problem = `${path}: cannot read this PIN file: ${systemErrorText(error)}`;
    throw new ConfigError('pin_unreadable', problem, {
      hint: 'check that it exists and that you may read it, or set COFFER_HSM_PIN',
    });
  }
}
