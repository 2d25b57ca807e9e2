import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { probeModule } from '../pkcs11/index.ts';
import type { ModuleOptions } from '../pkcs11/index.ts';
import { createPrivateFile, readPrivateFile } from '../private-files.ts';

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
  const mark = cache === null ? null : join(cache, 'modules', identity);
  if (mark !== null && isMarked(mark)) return;
  await probeModule(options);
  if (mark === null) return;
  try {
    createPrivateFile(mark);
  } catch {
    // It is tried again next time.
  }
}

function isMarked(mark: string): boolean {
  try {
    return readPrivateFile(mark) !== null;
  } catch {
    return false;
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
