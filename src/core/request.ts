import { type EngineRequest, type EngineResponse, engineOf } from '../engines/index.ts';
import type { PathDescription } from '../engines/path-help.ts';
import type { Context } from './context.ts';
import { type Mounts, withMounts } from './mounts/mounts.ts';
import { badPath, DOT_NAMES, hasDotName } from './mounts/path.ts';
import type { Mode } from './unsealed/unsealed.ts';

/**
 * Brings a request to the engine that is mounted at its path, in one transaction, or to coffer's own paths below sys/.
 * @param ask brings it to the engine
 * @throws StoreError `no_mount`, `unsupported_path`, and what the engine throws
 */
export async function requestAt(
  context: Context,
  mode: Mode,
  request: EngineRequest,
  ask: (mounts: Mounts) => Promise<EngineResponse | null>,
): Promise<EngineResponse | null> {
  const path = belowSystem(request.path);
  if (path === null) return withMounts(context, mode, ask);
  const { systemRequest } = await import('./sys/index.ts');
  return systemRequest(context, { ...request, path });
}

/** What is answered at a path, or at all below it. @throws UsageError `bad_path`; StoreError `no_mount`, `unsupported_path` */
export async function pathHelp(context: Context, path: string): Promise<PathDescription> {
  const { describePath } = await import('../engines/path-help.ts');
  const below = belowSystem(path);
  if (below !== null) {
    const { system, SYSTEM_PATH } = await import('./sys/index.ts');
    return describePath(system, SYSTEM_PATH, below);
  }
  return withMounts(context, 'read', async (mounts) => {
    const { mount, rest } = mounts.resolve(path);
    if (hasDotName(rest)) throw badPath(path, DOT_NAMES); // its example would be refused
    return describePath(engineOf(mount), mount.path, rest);
  });
}

/** The rest of a path that no mount can have; null for another. @throws UsageError `bad_path` */
function belowSystem(path: string): string | null {
  const [first, ...rest] = path.split('/').filter((segment) => segment !== '');
  if (first !== 'sys') return null;
  if (hasDotName(path)) throw badPath(path, DOT_NAMES);
  return rest.join('/');
}
