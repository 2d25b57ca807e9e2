import { createHash } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../folders.ts';
import { probeModule } from '../pkcs11/index.ts';
import type { ModuleOptions } from '../pkcs11/index.ts';

/**
 * A module runs in coffer's own process, and one that crashes takes the command with it, without a message. So each is
 * tried in a child process first: once a boot for a file that did not change, since trying costs more than starting
 * Node. That it went well is remembered in the cache; where there is none, it is tried each time.
 * @param cache a folder of this user's, or null
 * @throws HsmError `module_crashed`
 */
export async function checkModule(cache: string | null, bootId: string, options: ModuleOptions): Promise<void> {
  const identity = identify(options, bootId);
  if (identity === null) return; // loading it says what is wrong
  const folder = cache === null ? null : join(cache, 'modules');
  const mark = folder === null ? null : join(folder, identity);
  if (mark !== null && existsSync(mark)) return;
  await probeModule(options);
  if (folder === null || mark === null) return;
  try {
    makeFolders(folder);
    writeFileSync(mark, '', { mode: 0o600 });
  } catch {
    // It is tried again next time.
  }
}

/** Changes with the file, what it is started with, and the boot; null where there is no such file. */
function identify({ lib, parameters }: ModuleOptions, bootId: string): string | null {
  try {
    const stat = statSync(lib);
    if (!stat.isFile()) return null;
    const { dev, ino, size, mtimeMs } = stat;
    const parts = JSON.stringify([lib, parameters, dev, ino, size, mtimeMs, bootId]);
    return createHash('sha256').update(parts).digest('hex').slice(0, 32);
  } catch {
    return null;
  }
}
