import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isNoSuchFile, systemErrorCode } from './errors.ts';
import { changedBy, describeExposure, exposures } from './exposure.ts';

/*
 * The one way to files that coffer makes. They are for their owner alone (0600, folders 0700, whatever the umask), no
 * link is followed at their name, and they lie where nobody else decides what stands there.
 */

/** Somebody else can change the file, or what it lies in. `message` says what and how to mend it; it holds nothing secret. */
export class UnsafePlace extends Error {
  readonly path: string;
  readonly hint: string;

  constructor(path: string, problem: string, hint: string) {
    super(problem);
    this.name = new.target.name;
    this.path = path;
    this.hint = hint;
  }
}

/**
 * The bytes of a private file; null where there is none. The file that was opened is looked at, not its name, so that
 * nothing can be put in its place between check and use.
 * @throws UnsafePlace for a link, for what is not a file, and for one that others could have written; what the system says
 */
export function readPrivateFile(path: string): Uint8Array | null {
  const file = openPrivateFile(path, constants.O_RDONLY);
  if (file === null) return null;
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Makes a file that was not there before, and its folder. An empty file by default.
 * @param options durable: whether it outlives a loss of power
 * @throws UnsafePlace; what the system says, EEXIST among it
 */
export function createPrivateFile(path: string, content: string | Uint8Array = '', { durable = true } = {}): void {
  makePrivateFolder(dirname(path));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = openSync(path, flags, FILE_MODE);
  try {
    fchmodSync(file, FILE_MODE);
    writeFileSync(file, content);
    if (durable) fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * Puts a whole new file in the place of one, or where there was none: whoever reads it finds the old or the new one. A
 * link that stands there is replaced, not followed.
 * @throws UnsafePlace; what the system says
 */
export function replacePrivateFile(path: string, content: string | Uint8Array, { durable = true } = {}): void {
  const draft = draftName(path);
  createPrivateFile(draft, content, { durable });
  try {
    if (durable) renamePrivateFile(draft, path);
    else renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/**
 * The same for content that comes in parts: `use` writes it, and until it has returned there is nothing at `path` that was not there
 * before. A process that is killed leaves what it has written under the draft's name: `writeClearFile` is for what must not lie about.
 * @throws UnsafePlace; what the system says, and what `use` throws
 */
export async function writePrivateFile<T>(
  path: string,
  use: (write: (part: string | Uint8Array) => void) => Promise<T>,
): Promise<T> {
  const draft = draftName(path);
  createPrivateFile(draft, '', { durable: false });
  try {
    const file = openPrivateFile(draft, constants.O_WRONLY);
    if (file === null) throw new UnsafePlace(draft, `${draft} was taken away`, 'find out what removes files there');
    const result = await closing(file, async () => {
      const done = await use((part) => writeFileSync(file, part));
      fsyncSync(file);
      return done;
    });
    renamePrivateFile(draft, path);
    return result;
  } finally {
    rmSync(draft, { force: true });
  }
}

async function closing<T>(file: number, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    closeSync(file);
  }
}

/** A name beside `path` that nobody can know beforehand. */
export function draftName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}`);
}

/** Replaces what is at `to`, and sees to it that this outlives a loss of power. */
export function renamePrivateFile(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(dirname(to));
}

/** Has the names in a folder outlive a loss of power. */
export function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Opens a private file that is there; null where there is none. The caller closes it.
 * @param flags of open(2), without O_CREAT
 * @throws UnsafePlace as `readPrivateFile`; what the system says, ELOOP for a link
 */
export function openPrivateFile(path: string, flags: number): number | null {
  refuseExposed(dirname(path));
  let file: number;
  try {
    file = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK); // a FIFO must not keep us waiting
  } catch (error) {
    if (isNoSuchFile(error)) return null;
    throw error;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile())
      throw new UnsafePlace(path, `${path} is not a regular file`, 'look what it is, and move it away');
    const by = changedBy(stat);
    if (by === null) return file;
    const { problem, remedy } = describeExposure({ path, at: 'end', by, uid: stat.uid });
    throw new UnsafePlace(path, problem, remedy);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * Makes a folder and those above it that are missing.
 *
 * mkdirSync's own `recursive` never ends where the system will not make a folder in one that is there and says ENOENT, as
 * in /proc and below an automounter's /home.
 * @throws UnsafePlace where others can change what is there of it; what the system says
 */
export function makePrivateFolder(path: string): void {
  refuseExposed(path);
  makeMissing(path);
}

function makeMissing(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeMissing(dirname(path));
  try {
    mkdirSync(path, { mode: FOLDER_MODE });
  } catch (error) {
    // Another process may have made it meanwhile. A link to nowhere says the same, and is not followed.
    if (systemErrorCode(error) !== 'EEXIST' || !existsSync(path)) throw error;
  }
}

function refuseExposed(folder: string): void {
  const [exposure] = exposures(folder);
  if (exposure === undefined) return;
  const { problem, remedy } = describeExposure(exposure);
  throw new UnsafePlace(exposure.path, problem, remedy);
}

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
