import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hex } from '../../bytes.ts';
import { systemErrorCode, systemErrorText } from '../../errors.ts';
import { makePrivateFolder, readPrivateFile, replacePrivateFile } from '../../private-files.ts';
import type { AnchorState } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { storeName } from '../storage.ts';

const FOLDER = 'seen';
const FORMAT = 'coffer seen 1';
const LINE = new RegExp(`^${FORMAT} (\\d{1,16}) ([0-9a-f]{32})\\n$`);

/**
 * How far this user on this machine has seen a store come: the highest counter and its digest, in a small file for each store and place.
 * A copy of the store that lies elsewhere has a memory of its own. Nothing here throws: what cannot be remembered is not noticed.
 */
export class SeenMemory {
  readonly #path: string | null;

  constructor(context: Pick<Context, 'config' | 'state'>, storeId: string) {
    this.#path = context.state === null ? null : join(context.state, FOLDER, nameOf(storeId, placeOf(context)));
  }

  /** Null where nothing is remembered. */
  recall(): AnchorState | null {
    if (this.#path === null || !existsSync(this.#path)) return null;
    try {
      const text = Buffer.from(readPrivateFile(this.#path) ?? []).toString('latin1');
      const [, counter, digest] = LINE.exec(text) ?? [];
      return counter === undefined || digest === undefined
        ? null
        : { counter: Number(counter), digest: Buffer.from(digest, 'hex') };
    } catch {
      return null;
    }
  }

  /** Why nothing can be remembered; null where it can. The folder is made where there is none. */
  problem(): string | null {
    if (this.#path === null) return 'there is no home directory';
    try {
      const folder = dirname(this.#path);
      makePrivateFolder(folder);
      accessSync(folder, constants.W_OK);
      readPrivateFile(this.#path); // not a link, and nobody else's
      return null;
    } catch (error) {
      if (systemErrorCode(error) !== null) return `${this.#path}: ${systemErrorText(error)}`;
      return error instanceof Error ? error.message : 'unknown error';
    }
  }

  /** Remembers a state that is higher than what is remembered, or any where the operator says so. */
  remember(state: AnchorState, { lower = false } = {}): void {
    if (this.#path === null) return;
    const known = this.recall();
    if (known !== null && !lower && known.counter >= state.counter) return;
    try {
      // Where the power is lost a memory can be lost, which costs a warning at most; waiting for the disk would cost every write.
      replacePrivateFile(this.#path, `${FORMAT} ${state.counter} ${hex(state.digest)}\n`, { durable: false });
    } catch {
      // Whoever cannot keep it has the anchor in the HSM for it.
    }
  }

  /** Forgets the store. */
  forget(): void {
    if (this.#path === null) return;
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // What stays is a memory that is in the way, which the next command says.
    }
  }
}

function nameOf(storeId: string, place: string): string {
  return createHash('sha256')
    .update(JSON.stringify([storeId, place]))
    .digest('hex')
    .slice(0, 32);
}

function placeOf(context: Pick<Context, 'config'>): string {
  const name = storeName(context);
  try {
    return realpathSync.native(name);
  } catch {
    return name;
  }
}
