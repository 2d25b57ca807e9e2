import { activeTerm, type Keyring, zeroKeyring } from '../../barrier/index.ts';
import type { Context } from '../context.ts';
import { startTerm } from '../mounts/start-term.ts';
import { type Unsealed, withUnsealed } from '../unsealed/unsealed.ts';

/** The active term of the keyring. */
export interface KeyStatus {
  readonly term: number;
  /** Milliseconds since 1970. */
  readonly installed: number;
  /** Values encrypted under it so far. */
  readonly encryptions: number;
}

/**
 * Starts a new term: what is written from now on is encrypted under a new barrier key; what was written before still
 * opens with the terms before.
 * @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError
 */
export async function rotate(context: Context): Promise<KeyStatus> {
  const start = async (unsealed: Unsealed): Promise<KeyStatus> => {
    const { keys, encryptions } = await startTerm(context, unsealed);
    try {
      await unsealed.saveUsage({ term: activeTerm(keys.keyring).number, encryptions });
      return describe(keys.keyring, encryptions);
    } finally {
      zeroKeyring(keys.keyring);
    }
  };
  return withUnsealed(context, 'write', start, { isMilestone: true });
}

/** @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError */
export async function keyStatus(context: Context): Promise<KeyStatus> {
  return withUnsealed(context, 'read', async ({ keys, usage }) => describe(keys.keyring, usage.encryptions));
}

function describe(keyring: Keyring, encryptions: number): KeyStatus {
  const { number, created } = activeTerm(keyring);
  return { term: number, installed: created, encryptions };
}
