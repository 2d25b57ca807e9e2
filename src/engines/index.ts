import { UsageError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { kv1 } from './kv1.ts';
import { kv2 } from './kv2/index.ts';
import { transit } from './transit/index.ts';

export { dispatch } from './dispatch.ts';
export { upgradeToVersions } from './kv2/upgrade.ts';
export * from './engine.ts';

/** A mount's options as the mount table keeps them. */
export type EngineOptions = { readonly [name: string]: string };

const TYPES = ['kv', 'kv-v1', 'kv-v2', 'transit'];

/**
 * What `secrets enable` asked for, in the form that is kept.
 * @throws UsageError `unknown_engine`, `bad_option`
 */
export function engineType(type: string, options: EngineOptions): { type: string; options: EngineOptions } {
  if (!TYPES.includes(type)) {
    throw new UsageError('unknown_engine', `there is no secrets engine "${type}"`, {
      hint: `there are: ${TYPES.join(', ')}`,
    });
  }
  const known = type === 'transit' ? [] : ['version'];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError('bad_option', `the ${type} engine has no option "${unknown}"`, {
      hint: `it has: ${known.join(', ') || 'none'}`,
    });
  }
  if (type === 'transit') return { type, options: {} };
  const implied = type === 'kv-v2' ? '2' : type === 'kv-v1' ? '1' : null;
  const version = options['version'] ?? implied ?? '1';
  if ((version !== '1' && version !== '2') || (implied !== null && version !== implied)) {
    throw new UsageError('bad_option', `the ${type} engine has no version "${version}"`, { hint: 'version is 1 or 2' });
  }
  return { type: 'kv', options: { version } };
}

/** The engine behind a mount. */
export function engineOf(mount: { readonly type: string; readonly options: EngineOptions }): Engine {
  if (mount.type === 'transit') return transit;
  return kvVersion(mount) === 2 ? kv2 : kv1;
}

/** Of the kv engine behind a mount. */
export function kvVersion({ options }: { readonly options: EngineOptions }): 1 | 2 {
  return options['version'] === '2' ? 2 : 1;
}
