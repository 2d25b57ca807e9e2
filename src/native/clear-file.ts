import { closeSync, constants, fchmodSync, fsyncSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { draftName, makePrivateFolder, renamePrivateFile, syncFolder, writePrivateFile } from '../private-files.ts';
import { loadGuard } from './guard.ts';

/**
 * Writes a file that holds something in clear, for its owner alone (0600), in a folder that is made where it is missing. `use` writes it
 * in parts. It gets its name when it is whole: until then it is a file without one, of which the system leaves nothing when the process ends,
 * however it does. What has the name is replaced; a link there is not followed.
 *
 * What remains: no call of the system gives a file the name of another one. So that one has a name of its own for the moment between two
 * calls. And a file system may have no files without names: there the draft has one while it is written.
 * @param path a whole one: the PKCS#11 module changes the working directory
 * @throws UnsafePlace; what the system says, and what `use` throws
 */
export async function writeClearFile<T>(
  path: string,
  use: (write: (part: string | Uint8Array) => void) => Promise<T>,
): Promise<T> {
  makePrivateFolder(dirname(path));
  const file = openWithoutName(dirname(path));
  if (file === null) return writePrivateFile(path, use);
  try {
    fchmodSync(file, FILE_MODE);
    const done = await use((part) => writeFileSync(file, part));
    fsyncSync(file);
    giveName(file, path);
    return done;
  } finally {
    closeSync(file);
  }
}

const FILE_MODE = 0o600;

/** O_TMPFILE of open(2), which node:fs does not name; alike on every machine that coffer is built for. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Null where the file system has no such files. */
function openWithoutName(folder: string): number | null {
  try {
    return openSync(folder, constants.O_WRONLY | O_TMPFILE, FILE_MODE);
  } catch (error) {
    // EISDIR: a system that does not know the flag takes this for a folder that is opened to write.
    if (['ENOTSUP', 'EOPNOTSUPP', 'EISDIR'].includes(systemErrorCode(error) ?? '')) return null;
    throw error;
  }
}

function giveName(file: number, path: string): void {
  const guard = loadGuard();
  try {
    guard.nameFile(file, path);
    syncFolder(dirname(path));
    return;
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
  const draft = draftName(path);
  guard.nameFile(file, draft);
  try {
    renamePrivateFile(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}
