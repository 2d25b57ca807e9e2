/** Where coffer's files are, after the XDG base directory specification: a relative value counts as not set. */
import { isAbsolute, join } from 'node:path';
import { loadGuard } from '../native/guard.ts';
import type { Environment } from './variables.ts';

/** The default places of coffer.hcl, in the order in which they are tried. */
export function configFiles(env: Environment): string[] {
  const user = userFolder(env, 'XDG_CONFIG_HOME', '.config');
  const machine = '/etc/coffer/coffer.hcl';
  return user === null ? [machine] : [join(user, 'coffer', 'coffer.hcl'), machine];
}

/** Null when the user has no home directory. */
export function cacheFolder(env: Environment): string | null {
  const folder = userFolder(env, 'XDG_CACHE_HOME', '.cache');
  return folder === null ? null : join(folder, 'coffer');
}

/**
 * What one command has to know of another. Root's is the machine's, wherever HOME leads, so that a boot script and a shell
 * know the same; anybody else's is their own. Null when they have no home directory.
 */
export function stateFolder(env: Environment, uid: number | undefined): string | null {
  if (uid === 0 && !isAbsolute(env['XDG_STATE_HOME'] ?? '')) return '/var/lib/coffer';
  const folder = userFolder(env, 'XDG_STATE_HOME', '.local/state');
  return folder === null ? null : join(folder, 'coffer');
}

/** The store of root is the machine's; anybody else's is their own. Null when they have no home directory. */
export function defaultStorePath(env: Environment, uid: number | undefined): string | null {
  const folder = uid === 0 ? '/var/lib' : userFolder(env, 'XDG_DATA_HOME', '.local/share');
  return folder === null ? null : join(folder, 'coffer', 'coffer.db');
}

function userFolder(env: Environment, name: string, fallback: string): string | null {
  const value = env[name] ?? '';
  if (isAbsolute(value)) return value;
  // A container may run under a user id that no account has.
  const home = env['HOME'] || loadGuard().account()?.home;
  return home !== undefined && isAbsolute(home) ? join(home, fallback) : null;
}
