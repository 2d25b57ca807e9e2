import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs';
import { systemErrorText, UsageError } from '../../errors.ts';
import { descriptorChunks } from '../input.ts';
import { Spool } from './spool.ts';

const STDIN = 0;
/** What is read, checked and given out at a time. */
const PART = 1 << 18;

/** What is imported: read once to be checked, and once more to be written. */
export interface Source {
  /** For messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Whether an operator can look up the number of a line in it. */
  readonly hasLines: boolean;
  /**
   * All of it from the beginning. What it gives out the second time is what it gave out the first time.
   * @throws UsageError `bad_data` where it is no longer that
   */
  read(): Generator<Uint8Array>;
}

/**
 * A regular file is read twice, anything else is spooled.
 * @param path "-" for stdin
 * @throws UsageError `bad_data`, `output_failed`
 */
export async function withSource<T>(path: string, use: (source: Source) => Promise<T>): Promise<T> {
  const name = path === '-' ? 'stdin' : path;
  const file = path === '-' ? STDIN : opened(path, name);
  try {
    const status = fstatSync(file);
    if (status.isDirectory()) throw unreadable(name, 'it is a folder');
    if (status.isFile()) return await use(new CheckedFile(name, file, status));
    const spool = new Spool(guarded(name, descriptorChunks(file)));
    try {
      return await use(spooledSource(name, spool, true));
    } finally {
      spool.close();
    }
  } finally {
    if (file !== STDIN) closeSync(file);
  }
}

/** @param spool stays open while the source is used */
export function spooledSource(name: string, spool: Spool, hasLines: boolean): Source {
  return { name, size: spool.size, hasLines, read: () => spool.read() };
}

function opened(path: string, name: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw unreadable(name, systemErrorText(error));
  }
}

/**
 * A file that somebody may write to meanwhile. Its length and time tell that before any of it is given out again, and where they do not, the
 * digest of each part does before that part is. An import that has begun to write stops there.
 */
class CheckedFile implements Source {
  readonly hasLines = true;
  readonly name: string;
  readonly size: number;
  readonly #file: number;
  readonly #start: number;
  readonly #length: number;
  readonly #written: number;
  readonly #digests: Buffer[] = [];
  /** Whether it was read to its end, so that there are no more parts than those with a digest. */
  #isWhole = false;

  constructor(name: string, file: number, { size, mtimeMs }: Pick<Stats, 'size' | 'mtimeMs'>) {
    this.name = name;
    this.#start = file === STDIN ? offsetOf(file, name) : 0;
    this.size = Math.max(0, size - this.#start);
    this.#file = file;
    this.#length = size;
    this.#written = mtimeMs;
  }

  *read(): Generator<Uint8Array> {
    const { size, mtimeMs } = attempt(this.name, () => fstatSync(this.#file));
    if (size !== this.#length || mtimeMs !== this.#written) throw this.#changed();
    for (let number = 0; ; number++) {
      const part = this.#part(number);
      if (part.length > 0) this.#check(number, part);
      if (part.length === PART) yield part;
      else {
        if (this.#isWhole && number + Number(part.length > 0) < this.#digests.length) throw this.#changed();
        this.#isWhole = true;
        if (part.length > 0) yield part;
        return;
      }
    }
  }

  #check(number: number, part: Uint8Array): void {
    const digest = createHash('sha256').update(part).digest();
    const known = this.#digests[number];
    if (known === undefined && !this.#isWhole) this.#digests.push(digest);
    else if (known?.equals(digest) !== true) throw this.#changed();
  }

  /** Shorter than others where the file ends in it. */
  #part(number: number): Uint8Array {
    const part = Buffer.alloc(PART);
    let length = 0;
    const at = this.#start + number * PART;
    for (let count = -1; length < PART && count !== 0; length += count)
      count = attempt(this.name, () => readSync(this.#file, part, length, PART - length, at + length));
    return part.subarray(0, length);
  }

  #changed(): UsageError {
    return new UsageError('bad_data', `${this.name} has changed while it was imported`, {
      hint: 'import it again when nobody writes to it',
    });
  }
}

/** Where an open file stands: a shell may have read a part of what stdin is (proc_pid_fdinfo(5)). */
function offsetOf(file: number, name: string): number {
  const information = attempt(name, () => readFileSync(`/proc/self/fdinfo/${file}`, 'latin1'));
  return Number(/^pos:\s*(\d+)$/m.exec(information)?.[1] ?? 0);
}

function* guarded(name: string, chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  const iterator = chunks[Symbol.iterator]();
  for (;;) {
    const next = attempt(name, () => iterator.next());
    if (next.done === true) return;
    yield next.value;
  }
}

function attempt<T>(name: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw unreadable(name, systemErrorText(error));
  }
}

function unreadable(name: string, why: string): UsageError {
  return new UsageError('bad_data', `cannot read ${name}: ${why}`, { hint: 'check that it is a file you may read' });
}
