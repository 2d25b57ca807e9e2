import {
  disableMount,
  enableMount,
  listMounts,
  lookUp,
  type Mount,
  mountObject,
  moveMountTo,
  tuneMount,
  type Tuning,
} from '../../core/index.ts';
import { StoreError, UsageError } from '../../errors.ts';
import { command, type CommandSpec } from '../command.ts';
import { printEntries, printObject } from '../output.ts';
import { confirm } from '../prompts.ts';
import { columns } from '../table.ts';

const DESCRIPTION = { description: { kind: 'text', value: 'TEXT', help: 'what the mount is for' } } as const;

/** Vault's default of -version is 0. */
const OPTIONS = {
  version: { kind: 'text', value: '1|2', notGiven: ['0', '-1'], help: 'version of the kv engine' },
  options: { kind: 'pairs', value: 'NAME=VALUE', help: 'an option of the engine; may be given again' },
} as const;

const enable = command('secrets enable', {
  summary: 'mount a secrets engine',
  arguments: 'TYPE',
  flags: {
    path: { kind: 'text', value: 'PATH', help: 'where to mount it (TYPE)' },
    ...DESCRIPTION,
    'seal-wrap': { kind: 'boolean', help: 'wrap every value by the HSM on top of the barrier' },
    'external-entropy-access': {
      kind: 'boolean',
      help: "mix the HSM's random bytes into keys that the engine generates",
    },
    ...OPTIONS,
  },
  examples: [
    'coffer secrets enable -path=kv-seal-wrapped -seal-wrap kv',
    'coffer secrets enable -version=2 -path=secret kv',
  ],
  async run(invocation) {
    const { flags, args } = invocation;
    const mount = await enableMount(await invocation.context(), {
      type: args[0] ?? '',
      path: flags.path,
      options: engineOptions(flags.options, flags.version),
      description: flags.description ?? '',
      sealWrap: flags['seal-wrap'],
      externalEntropy: flags['external-entropy-access'],
    });
    const line = `Success! Enabled the ${args[0] ?? ''} secrets engine at: ${mount.path}`;
    await printObject(invocation, { path: mount.path, ...mountObject(mount) }, () => line);
  },
});

type EngineOptions = Mount['options'];

function engineOptions(options: EngineOptions, version: string | null): EngineOptions {
  if (version === null) return options;
  if (options['version'] !== undefined && options['version'] !== version) {
    throw new UsageError('bad_flag', '-version and -options=version=... say different things');
  }
  return { ...options, version };
}

const disable = command('secrets disable', {
  summary: 'remove a mount and everything in it',
  arguments: 'PATH',
  flags: { force: { kind: 'boolean', aliases: ['f'], help: 'do not ask' } },
  examples: ['coffer secrets disable kv-seal-wrapped/'],
  async run(invocation) {
    const { flags, terminal, args } = invocation;
    const path = args[0] ?? '';
    const context = await invocation.context();
    const found = terminal.isInteractive() && !flags.force ? await lookUp(context, path) : null;
    if (found?.mount != null) {
      // nobody is asked about what is not there
      const yes = await confirm(`Remove the secrets engine at ${found.path} and every secret in it?`);
      if (!yes) throw new StoreError('cancelled', 'nothing was removed');
    }
    const disabled = await disableMount(context, path);
    if (disabled.mount === null) terminal.warn(`nothing was done: no secrets engine is mounted at ${disabled.path}`);
    const line = `Success! Disabled the secrets engine (if it existed) at: ${disabled.path}`;
    await printObject(invocation, { path: disabled.path }, () => line);
  },
});

const move = command('secrets move', {
  summary: 'mount an engine with all it holds at another path',
  arguments: 'SOURCE DESTINATION',
  examples: ['coffer secrets move kv/ team/kv/'],
  async run(invocation) {
    const [source = '', destination = ''] = invocation.args;
    const { from, to } = await moveMountTo(await invocation.context(), source, destination);
    await printObject(invocation, { from, to }, () => `Success! Moved the secrets engine from ${from} to ${to}`);
  },
});

const tune = command('secrets tune', {
  summary: "change a mount's description, or make a version 1 kv engine a version 2 one",
  arguments: 'PATH',
  flags: { ...DESCRIPTION, ...OPTIONS },
  examples: ['coffer secrets tune -description="build keys" kv/', 'coffer secrets tune -version=2 kv/'],
  async run(invocation) {
    const context = await invocation.context();
    const { description, options, version } = invocation.flags;
    const tuning = { description, options: engineOptions(options, version) };
    const { mount, changed } = await tuneMount(context, invocation.args[0] ?? '', tuning);
    if (!changed) invocation.terminal.warn(`nothing was done: ${unchanged(mount, tuning)}`);
    const line = `Success! Tuned the secrets engine at: ${mount.path}`;
    await printObject(invocation, { path: mount.path, ...mountObject(mount) }, () => line);
  },
});

function unchanged({ path }: Mount, { description, options }: Tuning): string {
  const isAsked = description !== null || Object.keys(options).length > 0;
  return isAsked ? `${path} is so already` : 'neither -description nor -version is given';
}

const list = command('secrets list', {
  summary: 'list the mounts',
  flags: { detailed: { kind: 'boolean', help: 'all that is known of each' } },
  examples: ['coffer secrets list -detailed'],
  async run(invocation) {
    const mounts = await listMounts(await invocation.context());
    const object = Object.fromEntries(mounts.map((mount) => [mount.path, mountObject(mount)]));
    if (mounts.length === 0 && invocation.format === 'table') invocation.terminal.note('no secrets engine is mounted');
    await printEntries(invocation, object, () => (invocation.flags.detailed ? detailed(mounts) : brief(mounts)));
  },
});

export const secretsCommands: readonly CommandSpec[] = [enable, disable, list, move, tune];

function brief(mounts: readonly Mount[]): string {
  return columns(
    ['Path', 'Type', 'Accessor', 'Description'],
    mounts.map((mount) => [mount.path, mount.type, mount.accessor, mount.description || 'n/a']),
  );
}

function detailed(mounts: readonly Mount[]): string {
  return columns(
    ['Path', 'Plugin', 'Accessor', 'Seal Wrap', 'External Entropy Access', 'Options', 'Description', 'UUID'],
    mounts.map((mount) => [
      mount.path,
      mount.type,
      mount.accessor,
      String(mount.sealWrap),
      String(mount.externalEntropy),
      `map[${Object.entries(mount.options)
        .map(([name, value]) => `${name}:${value}`)
        .join(' ')}]`,
      mount.description || 'n/a',
      mount.uuid,
    ]),
  );
}
