import { CofferError, IntegrityError } from '../../errors.ts';
import type { AnchorState, Anchor, Pkcs11Seal } from '../../seal/index.ts';
import type { Storage } from '../../storage/index.ts';
import type { Root } from '../../tree/index.ts';
import type { Context } from '../context.ts';
import { storeName } from '../storage.ts';
import type { OpenedRows } from './opened.ts';
import { SeenMemory } from './seen.ts';

const NO_DIGEST = new Uint8Array(16);

/**
 * Whether the whole store is an older copy of itself: what the HSM and this machine know of it from before, and this command from its own
 * transactions.
 */
export class Freshness {
  readonly #context: Context;
  readonly #anchor: Anchor | null;
  readonly #memory: SeenMemory | null;
  #anchored: AnchorState | null = null;
  #seen: AnchorState | null = null;
  /** Where the last transaction left it, so that nobody needs a memory for what one command did. */
  #left: AnchorState | null = null;

  /** @param storeId as the store says it */
  constructor(context: Context, seal: Pkcs11Seal, storeId: string) {
    const { anchor } = context.config.seal;
    this.#context = context;
    this.#anchor = anchor === 'off' ? null : seal.anchor(storeId);
    this.#memory = anchor === 'write' ? null : new SeenMemory(context, storeId);
  }

  /** To be called before the transaction begins: what others do after that must not make this one look old. @throws HsmError */
  recall(): void {
    this.#anchored = this.#anchor?.read() ?? null;
    this.#seen = this.#memory?.recall() ?? null;
  }

  /** Why this machine does not remember how far the store has come; null where it does, or where the HSM does with every write. */
  get forgets(): string | null {
    return this.#memory?.problem() ?? null;
  }

  /** What the HSM has of it; null for nothing, or where it is not asked for. */
  get anchored(): AnchorState | null {
    return this.#anchored;
  }

  /** @param root null for a store without a tree @throws IntegrityError `store_rolled_back`, `anchor_missing` */
  require(root: Root | null): void {
    // Another command may have made the first one meanwhile.
    if (this.#anchored === null && root?.anchored === true && this.#anchor?.read() === null) throw anchorMissing();
    const knowing = [
      ['the HSM', this.#anchored],
      ['this machine', this.#seen],
      ['this command', this.#left],
    ] as const;
    for (const [by, known] of knowing) {
      if (known === null) continue;
      if (root === null) throw this.#older('it has no tree', by, known.counter);
      if (root.counter < known.counter) throw this.#older(`it is at change ${root.counter}`, by, known.counter);
      if (root.counter === known.counter && Buffer.compare(root.digest ?? NO_DIGEST, known.digest) !== 0)
        throw this.#older(`it had another change ${root.counter}`, by, known.counter);
    }
  }

  /**
   * Within a write transaction: from the COMMIT on the store says that there is an anchor, and so there has to be one before it.
   * @param isMilestone whether this is unseal or rotate, which raise an anchor of either kind @throws HsmError
   */
  begin(opened: OpenedRows, isMilestone: boolean): void {
    if (this.#anchor === null || !this.#raises(isMilestone) || opened.root === null || opened.root.anchored) return;
    if (this.#anchored === null) this.#anchor.raise(stateOf(opened.root));
    opened.markAnchored();
  }

  /**
   * After the COMMIT. The anchor is raised under the store's lock for writers, to what the store then holds.
   * @param root as this transaction left it @param isMilestone as for `begin`
   */
  async keep(storage: Storage, opened: OpenedRows, root: Root | null, isMilestone: boolean): Promise<void> {
    if (root === null) return;
    this.#left = stateOf(root);
    if ((this.#seen?.counter ?? -1) < root.counter) this.#memory?.remember(stateOf(root));
    const anchor = this.#anchor;
    if (anchor === null || !this.#raises(isMilestone) || (this.#anchored?.counter ?? -1) >= root.counter) return;
    try {
      await storage.transaction('write', async (rows) => {
        const now = await opened.readRoot(rows);
        // What was committed does not go away again: who put an older file there since is to be found out.
        anchor.raise(stateOf(now === null || now.counter < root.counter ? root : now));
      });
    } catch (error) {
      if (!(error instanceof CofferError)) throw error;
      this.#context.note(
        `the anchor in the HSM could not be raised, which the next command tries again: ${error.message}`,
      );
    }
  }

  #raises(isMilestone: boolean): boolean {
    return isMilestone || this.#context.config.seal.anchor === 'write';
  }

  #older(what: string, by: string, counter: number): IntegrityError {
    const problem = `${storeName(this.#context)} is an older copy of this store: ${what}, and ${by} has seen change ${counter}`;
    return new IntegrityError('store_rolled_back', problem, {
      hint: [
        'nothing of it was used. Put the newest copy back; if you yourself restored this one, ',
        { remedy: 'accept-copy' },
      ],
    });
  }
}

export function stateOf({ counter, digest }: Root): AnchorState {
  return { counter, digest: digest ?? NO_DIGEST };
}

function anchorMissing(): IntegrityError {
  const problem =
    'the store says that the HSM keeps its counter, and the HSM has none: the anchor was removed, or this is another token';
  return new IntegrityError('anchor_missing', problem, {
    hint: [
      'nothing was used. See that the configuration names the token that the store had before: coffer hsm slots; if it does, and the store is the newest one, ',
      { remedy: 'accept-copy' },
    ],
  });
}
