import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IntegrityError, systemErrorText, UsageError } from '../../errors.ts';
import { zero } from '../../bytes.ts';

const PART = 65_536;
const TAG = 16;
/** Of a 96-bit IV that counts parts, as NIST SP 800-38D section 8.2.1 has it; the key serves one spool alone. */
const IV = 12;

/**
 * Bytes that are read more than once though they came once: in a file without a name, for its owner alone, under a key that this
 * process has and nobody else. Nothing is left of it when the process ends, however it does.
 */
export class Spool {
  readonly #file: number;
  readonly #key = randomBytes(32);
  readonly #part = Buffer.alloc(PART);
  /** Bytes of the part that is being filled. */
  #filled = 0;
  #parts = 0;
  /** Bytes of the last part that is written. */
  #last = 0;

  /** @throws UsageError `output_failed` */
  constructor(chunks: Iterable<Uint8Array>) {
    this.#file = spooling(openWithoutName);
    try {
      for (const chunk of chunks) this.#add(chunk);
      this.#end();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The same of what comes bit by bit. @throws UsageError `output_failed`, and what `chunks` throws */
  static async of(chunks: AsyncIterable<Uint8Array>): Promise<Spool> {
    const spool = new Spool([]);
    try {
      for await (const chunk of chunks) spool.#add(chunk);
      spool.#end();
      return spool;
    } catch (error) {
      spool.close();
      throw error;
    }
  }

  get size(): number {
    return this.#parts === 0 ? 0 : (this.#parts - 1) * PART + this.#last;
  }

  *read(): Generator<Uint8Array> {
    const sealed = Buffer.alloc(PART + TAG);
    for (let part = 0; part < this.#parts; part++) {
      const length = (part === this.#parts - 1 ? this.#last : PART) + TAG;
      const count = readSync(this.#file, sealed, 0, length, part * (PART + TAG));
      if (count !== length) throw altered();
      const decipher = createDecipheriv('aes-256-gcm', this.#key, iv(part)).setAuthTag(
        sealed.subarray(length - TAG, length),
      );
      const plain = decipher.update(sealed.subarray(0, length - TAG));
      try {
        decipher.final();
      } catch {
        throw altered();
      }
      yield plain;
    }
  }

  close(): void {
    zero(this.#key);
    zero(this.#part);
    closeSync(this.#file);
  }

  #add(chunk: Uint8Array): void {
    for (let rest = chunk; rest.length > 0;) {
      const taken = Math.min(rest.length, PART - this.#filled);
      this.#part.set(rest.subarray(0, taken), this.#filled);
      this.#filled += taken;
      rest = rest.subarray(taken);
      if (this.#filled === PART) this.#flush();
    }
  }

  #end(): void {
    if (this.#filled > 0) this.#flush();
    zero(this.#part);
  }

  #flush(): void {
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv(this.#parts));
    const plain = this.#part.subarray(0, this.#filled);
    const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    spooling(() => {
      for (let rest = sealed, at = this.#parts * (PART + TAG); rest.length > 0;) {
        const count = writeSync(this.#file, rest, 0, rest.length, at);
        rest = rest.subarray(count);
        at += count;
      }
    });
    this.#last = this.#filled;
    this.#filled = 0;
    this.#parts++;
  }
}

function spooling<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new UsageError('output_failed', `cannot spool what is to be imported: ${systemErrorText(error)}`, {
      hint: 'name a folder with more room in TMPDIR, or give a file',
      cause: error,
    });
  }
}

function iv(part: number): Uint8Array {
  const bytes = Buffer.alloc(IV);
  bytes.writeUIntBE(part, IV - 6, 6);
  return bytes;
}

function openWithoutName(): number {
  const path = join(tmpdir(), `.coffer-${randomBytes(16).toString('hex')}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = openSync(path, flags, 0o600);
  rmSync(path);
  return file;
}

function altered(): IntegrityError {
  return new IntegrityError('value_altered', 'the spool of this import is not what was written there', {
    hint: 'look who else can write to the temporary files of this user, and import again',
  });
}
