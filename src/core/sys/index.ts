import {
  answer,
  dispatch,
  type EngineRequest,
  type EngineResponse,
  type Handler,
  type Route,
  type RouteTable,
} from '../../engines/index.ts';
import { hashPathTakes, hashTakes, randomFormatTakes, randomTakes } from '../../engines/transit/declared.ts';
import { hash } from '../../engines/transit/hash.ts';
import { random } from '../../engines/transit/random.ts';
import type { Context } from '../context.ts';
import { keyStatus, rotate } from '../lifecycle/rotate.ts';
import { sealStatus } from '../lifecycle/status.ts';
import { listMounts } from '../mounts/operations.ts';
import { randomSources } from '../mounts/random-sources.ts';
import { withUnsealed } from '../unsealed/unsealed.ts';
import { healthObject, keyStatusObject, mountObject, sealStatusObject } from './describe.ts';

/** What a path below sys/ is answered with. */
interface SystemContext {
  readonly mountPath: string;
  readonly core: Context;
}

type SystemHandler = Handler<SystemContext>;

/** What a command shows, as a path for scripts that read paths; nothing but `rotate` changes the store. */
export async function systemRequest(core: Context, request: EngineRequest): Promise<EngineResponse | null> {
  return dispatch(system, { mountPath: SYSTEM_PATH, core }, request);
}

export const SYSTEM_PATH = 'sys/';

const mounts: SystemHandler = async ({ core }) =>
  answer(Object.fromEntries((await listMounts(core)).map((mount) => [mount.path, mountObject(mount)])));

/** Needs neither PIN nor HSM, as health. */
const status: SystemHandler = async ({ core }) => answer(sealStatusObject(core, await sealStatus(core)));

/** Has failed where the store is sealed or not there, for a probe that looks at the exit status alone. */
const health: SystemHandler = async ({ core }) => {
  const found = await sealStatus(core);
  return answer(healthObject(found, core.machine().now), { failed: found.sealed });
};

const readKeyStatus: SystemHandler = async ({ core }) => answer(keyStatusObject(await keyStatus(core)));

const startTerm: SystemHandler = async ({ core }) => {
  await rotate(core);
  return answer(null);
};

const randomBytes: SystemHandler = async ({ core }, data, parts) =>
  withUnsealed(core, 'read', async ({ seal }) => random({ random: randomSources(core, seal) }, data, parts));

const HASH_EXAMPLE = ['write', 'input=aGVsbG8='] as const;
const RANDOM_EXAMPLE = ['write', 'format=hex'] as const;

const routes: readonly Route<SystemContext>[] = [
  ['mounts', 'the mounted engines', { read: mounts }],
  ['seal-status', 'whether the store is sealed; needs neither PIN nor HSM', { read: status }],
  ['health', 'whether the store is sealed, failing where it is; needs neither PIN nor HSM', { read: health }],
  ['key-status', 'the active barrier key', { read: readKeyStatus }],
  ['rotate', 'encrypt what is written from now on under a new barrier key', { write: startTerm }],
  ['tools/random', 'random bytes', { write: randomBytes }, { write: randomTakes }, RANDOM_EXAMPLE],
  [
    'tools/random/:bytes',
    'random bytes, so many, or those of the source that is named instead',
    { write: randomBytes },
    { write: randomTakes },
    RANDOM_EXAMPLE,
  ],
  [
    'tools/random/:source/:bytes',
    'random bytes, so many, from platform, seal (the HSM) or all (both)',
    { write: randomBytes },
    { write: randomFormatTakes },
    RANDOM_EXAMPLE,
  ],
  ['tools/hash', 'the digest of input', { write: hash }, { write: hashTakes }, HASH_EXAMPLE],
  [
    'tools/hash/:algorithm',
    'the digest of input with a hash algorithm',
    { write: hash },
    { write: hashPathTakes },
    HASH_EXAMPLE,
  ],
];

export const system: RouteTable<SystemContext> = { type: 'system', routes: async () => routes };
