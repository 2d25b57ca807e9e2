import { lstatSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { shellWord } from './shell.ts';

/** A file, folder or link through which somebody else decides what stands at a path. */
export interface Exposure {
  readonly path: string;
  /** Whether it is what the path leads to, its folder, a link on the way, or a folder further above. */
  readonly at: 'end' | 'folder' | 'link' | 'above';
  /** Whether it belongs to another user, or its mode lets others write it. */
  readonly by: 'owner' | 'mode';
  readonly uid: number;
}

/**
 * What of a path other users than root and this one can change: the file, its folder, every folder up to the root, and
 * every link on the way. Links are followed; one that root made, as in /usr/lib, is as good as the file. A folder with the
 * sticky bit, such as /tmp, lets nobody touch what others have there, so that its mode is no exposure.
 *
 * No group is trusted, not even the user's own: on many systems that is one which everybody is in. Where a file has an
 * access control list, the bits of the group are its mask, so that these bits tell of it too.
 *
 * What is not there exposes nothing; the folders above it still may. Throws what the system says but for that.
 */
export function exposures(path: string): Exposure[] {
  const { steps, end } = walk(resolve(path));
  const folder = dirname(end);
  return steps.flatMap(({ path: step, stat }) => {
    const by = changedBy(stat);
    if (by === null) return [];
    const at = stat.isSymbolicLink() ? 'link' : step === end ? 'end' : step === folder ? 'folder' : 'above';
    return [{ path: step, at, by, uid: stat.uid } as const];
  });
}

/** What is wrong, and a command that helps and can do no harm. */
export function describeExposure({ path, by, uid }: Exposure): { readonly problem: string; readonly remedy: string } {
  if (by === 'mode')
    return {
      problem: `other users can write ${path}`,
      remedy: `look through it, then run: chmod go-w ${shellWord(path)}`,
    };
  return { problem: `${path} belongs to another user (uid ${uid})`, remedy: ownerHint() };
}

/** What to do about what is another user's: to take it from that user would keep them out of what is theirs. */
export function ownerHint(): string {
  return 'if that user is the one who is to use it, run coffer as that user (sudo -u); else name one that belongs to you or to root';
}

/** Who else can change what has this owner and this mode. */
export function changedBy(stat: Stats): Exposure['by'] | null {
  if (!isTrusted(stat.uid)) return 'owner';
  if (stat.isSymbolicLink() || (stat.mode & WRITABLE_BY_OTHERS) === 0) return null; // a link has no mode of its own
  return stat.isDirectory() && (stat.mode & STICKY) !== 0 ? null : 'mode';
}

/** Whether others can make files in a folder, sticky or not; false where it is not there. */
export function letsOthersAdd(folder: string): boolean {
  return ((statSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & WRITABLE_BY_OTHERS) !== 0;
}

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** As many links as Linux follows. */
const MOST_LINKS = 40;

interface Step {
  readonly path: string;
  readonly stat: Stats;
}

/** Everything that is looked at on the way from the root to `path`, and the path without links. */
function walk(path: string): { readonly steps: readonly Step[]; readonly end: string } {
  const steps: Step[] = [];
  const rest = segments(path);
  let at = '/';
  let links = 0;
  for (;;) {
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return { steps, end: join(at, ...rest) };
    steps.push({ path: at, stat });
    if (stat.isSymbolicLink() && links++ < MOST_LINKS) {
      const target = readlinkSync(at);
      rest.unshift(...segments(resolve(dirname(at), target)));
      at = '/';
      continue;
    }
    const next = rest.shift();
    if (next === undefined) return { steps, end: at };
    at = join(at, next);
  }
}

function segments(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function isTrusted(uid: number): boolean {
  const me = process.getuid?.();
  return me === undefined || uid === 0 || uid === me || (uid === UNMAPPED && isUnmapped(uid));
}

/** /proc/sys/kernel/overflowuid, which nobody changes. */
const UNMAPPED = 65534;

/**
 * In a user namespace without the users of the machine, as bubblewrap makes it, root's own folders belong to this number,
 * and nobody in there can act as it. Where the number is a user like any other ("nobody"), it is not trusted.
 */
function isUnmapped(uid: number): boolean {
  try {
    const ranges = readFileSync('/proc/self/uid_map', 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    return !ranges.some(([first = 0, , count = 0]) => uid >= first && uid < first + count);
  } catch {
    return false;
  }
}
