import { activeTerm } from '../../barrier/index.ts';
import { counted } from '../../counted.ts';
import type { Context } from '../context.ts';
import type { StoreKeys } from '../unsealed/keys.ts';
import { authenticateLease } from '../unsealed/lease.ts';
import type { StoreState } from '../unsealed/state.ts';
import type { Checklist } from './check.ts';

/** Whether the store is unsealed here, and by whom. */
export async function checkLease(
  context: Context,
  { lease, unsealed, sealedByOperator, header }: StoreState,
  keys: StoreKeys,
  list: Checklist,
): Promise<void> {
  if (lease !== null && sealedByOperator) {
    list.warn(
      'lease',
      'an operator sealed the store, and a lease lies beside that: somebody put it back',
      'find out who could write to the store; it counts as sealed',
    );
    return;
  }
  if (lease === null || !unsealed) {
    list.ok('lease', 'the store is sealed');
    return;
  }
  const { ends } = lease.lease;
  const until =
    ends === null
      ? 'until `coffer seal` or a reboot'
      : `for ${counted(Math.ceil((ends - context.machine().uptime) / 1000), 'second')}`;
  await list.attempt(
    'lease',
    async () => authenticateLease(lease.bytes, keys.rootKey, header.storeId),
    () => `unsealed by ${lease.lease.user}, ${until}`,
  );
}

/** Versions get their times from this machine's clock. */
export function checkClock(
  { machine }: Context,
  { header }: StoreState,
  { keyring }: StoreKeys,
  list: Checklist,
): void {
  const newest = Math.max(header.created, activeTerm(keyring).created);
  const { now } = machine();
  if (now >= newest) list.ok('clock', new Date(now).toISOString());
  else
    list.warn(
      'clock',
      `this machine's clock says ${new Date(now).toISOString()}, before the store's newest key was made (${new Date(newest).toISOString()})`,
      'set the clock: versions get their times from it',
    );
}
