import {
  type Context,
  DEFAULT_TIMEOUT_MS,
  sealStatus,
  type SealStatus,
  sealStatusObject,
  sealStore,
  unsealStore,
} from '../../core/index.ts';
import type { JsonObject } from '../../json.ts';
import { VERSION } from '../../version.ts';
import { command, type Invocation } from '../command.ts';
import { formatDuration } from '../../duration.ts';
import { printObject } from '../output.ts';
import { columns } from '../table.ts';
import { tryDescriptor, tryOnce } from '../wait/try.ts';
import { warnOfExposedKeys } from './exposed-keys.ts';
import { FORCE } from './login-flags.ts';

const TIMES = {
  ttl: { kind: 'duration', value: 'DURATION', help: 'seal again after this time, e.g. 8h' },
  wait: { kind: 'duration', value: 'DURATION', help: 'wait so long for an HSM that is not up yet, e.g. 60s' },
} as const;

export const unsealCommand = command('unseal', {
  alias: 'operator unseal',
  summary: 'open the store through the HSM until `coffer seal`, a reboot or the end of -ttl',
  flags: { ...TIMES, ...FORCE },
  examples: ['coffer unseal', 'coffer unseal -ttl=8h', 'coffer unseal -wait=60s'],
  async run(invocation) {
    const { ttl, force: forceLogin } = invocation.flags;
    const descriptor = tryDescriptor();
    if (descriptor !== null)
      return tryOnce(descriptor, async () => invocation.context({ forceLogin, quiet: true }), ttl);
    const context = await invocation.context({ forceLogin });
    const waited = await waitFor(invocation, context);
    const already = waited ?? (await unsealHere(invocation, context, ttl));
    const until = ttl === null ? '' : `; it seals itself in ${formatDuration(ttl)}`;
    const line = already ? 'Success! The store was already unsealed' : `Success! The store is unsealed${until}`;
    await printObject(invocation, await statusObject(context), () => line);
  },
});

/** @returns whether the store was unsealed before */
async function unsealHere({ terminal }: Invocation, context: Context, ttl: number | null): Promise<boolean> {
  const { already, exposedKeys } = await unsealStore(context, ttl);
  warnOfExposedKeys(terminal, exposedKeys);
  return already;
}

/** Whether the store was unsealed before; null where it is still to be unsealed here, with a PIN that somebody enters. */
async function waitFor(
  { flags, terminal, configPaths }: Invocation<typeof TIMES>,
  { config, forceLogin }: Context,
): Promise<boolean | null> {
  const { ttl, wait: longest } = flags;
  if (longest === null) return null;
  const args = [
    'unseal',
    '-non-interactive',
    ...configPaths.map((path) => `-config=${path}`),
    ...(ttl === null ? [] : [`-ttl=${ttl}ms`]),
    ...(forceLogin ? ['-force'] : []),
  ];
  const timeout = config.seal.timeout ?? DEFAULT_TIMEOUT_MS;
  const { waitToUnseal } = await import('../wait/wait.ts');
  return waitToUnseal({ args, longest, timeout, note: (text) => terminal.note(text) });
}

export const sealCommand = command('seal', {
  alias: 'operator seal',
  summary: 'close the store until the next `coffer unseal`; needs no HSM',
  examples: ['coffer seal'],
  async run(invocation) {
    const context = await invocation.context();
    const wasUnsealed = await sealStore(context);
    const line = wasUnsealed ? 'Success! The store is sealed' : 'Success! The store was already sealed';
    await printObject(invocation, await statusObject(context), () => line);
  },
});

export const statusCommand = command('seal-status', {
  alias: 'status',
  summary: 'tell whether the store is unsealed (exit 0) or not (exit 2); needs neither PIN nor HSM',
  examples: ['coffer seal-status', 'coffer status -format=json'],
  async run(invocation) {
    const context = await invocation.context();
    const state = await sealStatus(context);
    const object = sealStatusObject(context, state);
    await printObject(invocation, object, () => columns(['Key', 'Value'], rows(context, state)));
    return state.sealed ? 2 : 0;
  },
});

async function statusObject(context: Context): Promise<JsonObject> {
  return sealStatusObject(context, await sealStatus(context));
}

function rows({ config }: Context, { header, counter, sealed, remaining }: SealStatus): string[][] {
  return [
    ['Seal Type', config.seal.type],
    ['Recovery Seal Type', 'shamir'],
    ['Initialized', String(header !== null)],
    ['Sealed', String(sealed)],
    ['Total Recovery Shares', String(header?.recoveryShares ?? 0)],
    ['Threshold', String(header?.recoveryThreshold ?? 0)],
    ['Version', VERSION],
    ['Storage Type', config.storage.type],
    ...(header === null ? [] : [['Store ID', header.storeId]]),
    ...(counter === null ? [] : [['Counter', String(counter)]]),
    ...(remaining === null ? [] : [['Seals Itself In', formatDuration(remaining)]]),
  ];
}
