import type { CommandSpec } from '../command.ts';

/**
 * The commands of scripts and boot scripts, by their first word. Loaded without the others, such a command starts sooner in the
 * compiled program, which loads code as it is imported.
 */
export const OFTEN: ReadonlyMap<string, () => Promise<readonly CommandSpec[]>> = new Map([
  ['kv', async () => (await import('./kv/often.ts')).oftenKvCommands],
  ['run', async () => [(await import('./run.ts')).runCommand]],
  ['inject', async () => [(await import('./inject.ts')).injectCommand]],
  ['status', seals],
  ['seal-status', seals],
  ['unseal', seals],
  ['seal', seals],
  ['read', generic],
  ['write', generic],
  ['list', generic],
  ['scan', generic],
  ['delete', generic],
  ['patch', generic],
  ['version', async () => [(await import('./version.ts')).versionCommand]],
]);

async function seals(): Promise<readonly CommandSpec[]> {
  const { sealCommand, statusCommand, unsealCommand } = await import('./seal.ts');
  return [sealCommand, statusCommand, unsealCommand];
}

async function generic(): Promise<readonly CommandSpec[]> {
  return (await import('./generic.ts')).genericCommands;
}
