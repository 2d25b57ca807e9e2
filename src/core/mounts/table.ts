import { randomBytes, randomUUID } from 'node:crypto';
import { fromUtf8, utf8 } from '../../bytes.ts';
import { type EngineOptions, engineType } from '../../engines/index.ts';
import { type Hint, IntegrityError, StoreError, UsageError } from '../../errors.ts';
import { joinedNames, newPathProblem } from './path.ts';

/** One enabled engine. The table of them is one row, encrypted by the barrier. */
export interface Mount {
  /** With its slash, e.g. "kv-seal-wrapped/". */
  readonly path: string;
  readonly type: string;
  readonly options: EngineOptions;
  /** The type and 8 hex digits, e.g. "kv_fe02767b". */
  readonly accessor: string;
  /** Its rows' folder; a mount that moves keeps it. */
  readonly uuid: string;
  readonly description: string;
  readonly sealWrap: boolean;
  readonly externalEntropy: boolean;
}

export interface NewMount {
  /** As the operator named it: kv, kv-v2, ... */
  readonly type: string;
  /** Null for the type's name. */
  readonly path: string | null;
  readonly options: { readonly [name: string]: string };
  readonly description: string;
  readonly sealWrap: boolean;
  readonly externalEntropy: boolean;
}

export function encodeMounts(mounts: readonly Mount[]): Uint8Array {
  return utf8(JSON.stringify({ version: 1, mounts }));
}

/** The bytes come out of the barrier, so they are what `encodeMounts` made. */
export function decodeMounts(bytes: Uint8Array): Mount[] {
  const table = JSON.parse(fromUtf8(bytes)) as { version: number; mounts: Mount[] };
  if (table.version !== 1)
    throw new IntegrityError('mounts_too_new', `the mount table has version ${table.version}`, {
      hint: 'use a newer coffer',
    });
  return table.mounts;
}

/** @throws UsageError for a bad path, type or option; StoreError `path_in_use` */
export function addMount(mounts: readonly Mount[], wanted: NewMount): { table: Mount[]; mount: Mount } {
  const { type, options } = engineType(wanted.type, wanted.options);
  const path = mountPath(wanted.path ?? wanted.type, { remedy: 'example-mount-path' });
  requireFree(mounts, path, { remedy: 'choose-mount-path' });
  const { description, sealWrap, externalEntropy } = wanted;
  const accessor = `${type}_${randomBytes(4).toString('hex')}`;
  const mount = { path, type, options, accessor, uuid: randomUUID(), description, sealWrap, externalEntropy };
  return { table: sorted([...mounts, mount]), mount };
}

/** What is mounted at a path, which comes back as mounts have it. @throws UsageError `bad_mount_path` */
export function lookUpMount(mounts: readonly Mount[], path: string): { path: string; mount: Mount | null } {
  const wanted = mountPath(path, whatIsMounted(mounts));
  return { path: wanted, mount: mounts.find((candidate) => candidate.path === wanted) ?? null };
}

/** @throws StoreError `no_mount`; UsageError `bad_mount_path` */
export function requireMount(mounts: readonly Mount[], path: string): Mount {
  const { path: wanted, mount } = lookUpMount(mounts, path);
  if (mount === null) throw noMount(mounts, wanted);
  return mount;
}

/** The mount that a path lies in; null for none. */
export function mountAt(mounts: readonly Mount[], path: string): Mount | null {
  return mounts.find((candidate) => `${path}/`.startsWith(candidate.path)) ?? null;
}

/** The same, and the rest of the path. @throws StoreError `no_mount` */
export function resolveMount(mounts: readonly Mount[], path: string): { mount: Mount; rest: string } {
  const mount = mountAt(mounts, path);
  if (mount === null) throw noMount(mounts, path);
  return { mount, rest: path.slice(mount.path.length) }; // empty for the mount itself
}

/** The table without one mount. */
export function removeMount(mounts: readonly Mount[], mount: Mount): Mount[] {
  return mounts.filter((other) => other.uuid !== mount.uuid);
}

/** The table with the same mount at another path, which comes back as mounts have it. @throws StoreError `path_in_use` */
export function moveMount(mounts: readonly Mount[], mount: Mount, to: string): { table: Mount[]; path: string } {
  const others = removeMount(mounts, mount);
  const path = mountPath(to, 'for example: team/kv/');
  requireFree(others, path, 'choose another destination');
  return { table: sorted([...others, { ...mount, path }]), path };
}

export function replaceMount(mounts: readonly Mount[], mount: Mount): Mount[] {
  return sorted([...removeMount(mounts, mount), mount]);
}

function sorted(mounts: Mount[]): Mount[] {
  return mounts.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const RESERVED = ['sys', 'auth', 'identity', 'cubbyhole'];

/** @throws UsageError `bad_mount_path` */
function mountPath(path: string, hint: Hint): string {
  const name = joinedNames(path);
  const [first = ''] = name.split('/');
  const reserved = RESERVED.includes(first) ? `"${first}/" is reserved` : null;
  const problem = newPathProblem(name) ?? reserved;
  if (problem !== null) {
    throw new UsageError('bad_mount_path', `${JSON.stringify(path)} cannot be a mount's path: ${problem}`, { hint });
  }
  return `${name}/`;
}

function requireFree(mounts: readonly Mount[], path: string, hint: Hint): void {
  const clash = mounts.find((mount) => mount.path.startsWith(path) || path.startsWith(mount.path));
  if (clash === undefined) return;
  throw new StoreError('path_in_use', `path is already in use at ${clash.path}`, { hint });
}

function noMount(mounts: readonly Mount[], path: string): StoreError {
  return new StoreError('no_mount', `no secrets engine is mounted at ${path}`, { hint: whatIsMounted(mounts) });
}

function whatIsMounted(mounts: readonly Mount[]): Hint {
  const there = mounts.map((mount) => mount.path).join(', ');
  return there === '' ? { remedy: 'enable-mount' } : `mounted are: ${there}`;
}
