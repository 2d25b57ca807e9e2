import type { Hint } from '../../errors.ts';
import { shellWord } from '../../shell.ts';
import type { EngineContext } from '../engine.ts';
import type { Key, ManagedReference } from './key.ts';
import { MANAGED_TYPE } from './types.ts';

// Commands that hints show, with the mount and the key that they are about.

/** The path of a key as a word of a command. @param below what follows it, such as "/config" */
export function keyPath({ mountPath }: EngineContext, name: string, below = ''): string {
  return shellWord(`${mountPath}keys/${name}${below}`);
}

/** How a key that was made outside gets a further version. */
export function importCommand(context: EngineContext, name: string): string {
  return `import a further version with: coffer transit import-version ${keyPath(context, name)} @FILE`;
}

/** How a key gets a further version. */
export function furtherVersion(context: EngineContext, { name, imported, importedRotation }: Key): Hint {
  if (imported && !importedRotation) return importCommand(context, name);
  return ['add one with: ', { remedy: 'write-without-data' }, ` ${keyPath(context, name, '/rotate')}`];
}

/** The command that makes a managed key of the same name and key object. */
export function managedCommand(context: EngineContext, name: string, { label, id }: ManagedReference): string {
  const object = [
    ...(label === '' ? [] : [shellWord(`managed_key_name=${label}`)]),
    ...(id === '' ? [] : [`managed_key_id=${id}`]),
  ];
  return `coffer write ${keyPath(context, name)} type=${MANAGED_TYPE} ${object.join(' ')}`;
}
