import type { Entry } from '../barrier/index.ts';
import { byBytes } from '../bytes.ts';
import { IntegrityError, UsageError } from '../errors.ts';
import { answer, type EngineResponse, type PathParts } from './engine.ts';

/** What both versions of the kv engine share. */

export function segments(path: string): string[] {
  return path === '' ? [] : path.split('/');
}

/** Names of secrets, and of folders with a slash, in the order of their bytes; null when there is nothing. */
export function listing(entries: readonly Entry[]): EngineResponse | null {
  if (entries.length === 0) return null;
  return answer({ keys: entries.map(({ name, folder }) => (folder ? `${name}/` : name)).sort(byBytes) });
}

/** The secret that a route's `*path` names. @throws UsageError `missing_path` for none */
export function secretPath(parts: PathParts): string {
  const path = parts['path'] ?? '';
  if (path !== '') return path;
  throw new UsageError('missing_path', 'the path names a mount, but no secret in it', {
    hint: 'name the secret after it: MOUNT/NAME',
  });
}

export function emptyData(): UsageError {
  return new UsageError('no_data', 'there is nothing to write', {
    hint: 'give KEY=VALUE, KEY=@FILE, KEY=-, @FILE.json, @FILE.yaml or -',
  });
}

/** Version 2 keeps what is under "data". */
export function noDataObject(): UsageError {
  return new UsageError('no_data', '"data" must be an object with the keys of the secret', {
    hint: 'use: coffer kv put, or write JSON such as {"data": {"user": "ada"}}',
  });
}

export function storedNonsense(name: string): IntegrityError {
  return new IntegrityError('value_malformed', `the stored value of ${name} is not what coffer writes there`, {
    hint: 'restore the store from a backup',
  });
}
