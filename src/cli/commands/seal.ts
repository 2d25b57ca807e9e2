import { seal, status, unseal } from '../../core/index.ts';
import type { Context, Status } from '../../core/index.ts';
import type { JsonObject } from '../../json.ts';
import { VERSION } from '../../version.ts';
import type { CommandSpec } from '../command.ts';
import { formatDuration } from '../../duration.ts';
import { printObject } from '../output.ts';
import { columns } from '../table.ts';
import { warnOfExposedKeys } from './exposed-keys.ts';

export const unsealCommand: CommandSpec = {
  words: ['unseal'],
  alias: ['operator', 'unseal'],
  summary: 'open the store through the HSM until `coffer seal`, a reboot or the end of -ttl',
  arguments: '',
  least: 0,
  most: 0,
  flags: [
    { name: 'ttl', kind: 'duration', value: 'DURATION', help: 'seal again after this time, e.g. 8h' },
    { name: 'force', kind: 'boolean', help: 'log in although the token says that few tries are left' },
  ],
  examples: ['coffer unseal', 'coffer unseal -ttl=8h'],
  async run(invocation) {
    const context = await invocation.context({ forceLogin: invocation.flags.boolean('force') });
    const { already, ttl, exposedKeys } = await unseal(context, invocation.flags.duration('ttl'));
    warnOfExposedKeys(invocation.terminal, exposedKeys);
    const until = ttl === null ? '' : `; it seals itself in ${formatDuration(ttl)}`;
    const line = already ? 'Success! The store was already unsealed' : `Success! The store is unsealed${until}`;
    await printObject(invocation, await statusObject(context), () => line);
    return 0;
  },
};

export const sealCommand: CommandSpec = {
  words: ['seal'],
  alias: ['operator', 'seal'],
  summary: 'close the store until the next `coffer unseal`; needs no HSM',
  arguments: '',
  least: 0,
  most: 0,
  flags: [],
  examples: [],
  async run(invocation) {
    const context = await invocation.context();
    const wasUnsealed = await seal(context);
    const line = wasUnsealed ? 'Success! The store is sealed' : 'Success! The store was already sealed';
    await printObject(invocation, await statusObject(context), () => line);
    return 0;
  },
};

export const statusCommand: CommandSpec = {
  words: ['seal-status'],
  alias: ['status'],
  summary: 'tell whether the store is unsealed (exit 0) or not (exit 2); needs neither PIN nor HSM',
  arguments: '',
  least: 0,
  most: 0,
  flags: [],
  examples: ['coffer seal-status', 'coffer status -format=json'],
  async run(invocation) {
    const context = await invocation.context();
    const state = await status(context);
    const object = describe(context, state);
    await printObject(invocation, object, () => columns(['Key', 'Value'], rows(context, state)));
    return state.sealed ? 2 : 0;
  },
};

async function statusObject(context: Context): Promise<JsonObject> {
  return describe(context, await status(context));
}

/** The keys of Vault's sys/seal-status. */
function describe({ config }: Context, { identity, sealed, remaining }: Status): JsonObject {
  return {
    type: config.seal.type,
    initialized: identity !== null,
    sealed,
    t: identity?.recoveryThreshold ?? 0,
    n: identity?.recoveryShares ?? 0,
    progress: 0,
    nonce: '',
    version: VERSION,
    storage_type: config.storage.type,
    recovery_seal: true,
    recovery_seal_type: 'shamir',
    ...(identity === null ? {} : { store_id: identity.storeId }),
    ...(remaining === null ? {} : { ttl: Math.ceil(remaining / 1000) }),
  };
}

function rows({ config }: Context, { identity, sealed, remaining }: Status): string[][] {
  return [
    ['Seal Type', config.seal.type],
    ['Recovery Seal Type', 'shamir'],
    ['Initialized', String(identity !== null)],
    ['Sealed', String(sealed)],
    ['Total Recovery Shares', String(identity?.recoveryShares ?? 0)],
    ['Threshold', String(identity?.recoveryThreshold ?? 0)],
    ['Version', VERSION],
    ['Storage Type', config.storage.type],
    ...(identity === null ? [] : [['Store ID', identity.storeId]]),
    ...(remaining === null ? [] : [['Seals Itself In', formatDuration(remaining)]]),
  ];
}
