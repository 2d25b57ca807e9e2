import type { JsonObject } from '../../json.ts';
import { VERSION } from '../../version.ts';
import type { Context } from '../context.ts';
import type { KeyStatus } from '../lifecycle/rotate.ts';
import type { SealStatus } from '../lifecycle/status.ts';
import type { Mount } from '../mounts/table.ts';

// What coffer tells of itself, with the names that Vault's paths below sys/ have.

/** sys/seal-status */
export function sealStatusObject({ config }: Context, { header, counter, sealed, remaining }: SealStatus): JsonObject {
  return {
    type: config.seal.type,
    initialized: header !== null,
    sealed,
    t: header?.recoveryThreshold ?? 0,
    n: header?.recoveryShares ?? 0,
    progress: 0,
    nonce: '',
    version: VERSION,
    storage_type: config.storage.type,
    recovery_seal: true,
    recovery_seal_type: 'shamir',
    ...(header === null ? {} : { store_id: header.storeId }),
    ...(counter === null ? {} : { counter }),
    ...(remaining === null ? {} : { ttl: Math.ceil(remaining / 1000) }),
  };
}

/** sys/health, of a server that has no others beside it. @param now milliseconds since 1970 */
export function healthObject({ header, sealed }: SealStatus, now: number): JsonObject {
  return {
    initialized: header !== null,
    sealed,
    standby: false,
    performance_standby: false,
    replication_performance_mode: 'disabled',
    replication_dr_mode: 'disabled',
    server_time_utc: Math.floor(now / 1000),
    version: VERSION,
    ...(header === null ? {} : { store_id: header.storeId }),
  };
}

/** sys/key-status */
export function keyStatusObject({ term, installed, encryptions }: KeyStatus): JsonObject {
  return { term, install_time: new Date(installed).toISOString(), encryptions };
}

/** One mount of sys/mounts. */
export function mountObject(mount: Mount): JsonObject {
  return {
    uuid: mount.uuid,
    type: mount.type,
    description: mount.description,
    accessor: mount.accessor,
    seal_wrap: mount.sealWrap,
    external_entropy_access: mount.externalEntropy,
    options: { ...mount.options },
  };
}
