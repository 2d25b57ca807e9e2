import { timingSafeEqual } from 'node:crypto';
import { zero } from '../bytes.ts';
import { IntegrityError } from '../errors.ts';
import { combineRecoveryShares, recoveryVerifier, type ShareCounts } from '../seal/index.ts';

/** Asks for a quorum of recovery shares. They are the caller's to zero. */
export type ReadShares = (counts: ShareCounts) => Promise<readonly Uint8Array[]>;

/** What the keyring has of the recovery key that shares make, 32 bytes. The shares are zeroed. */
export async function verifierOf(shares: readonly Uint8Array[]): Promise<Uint8Array> {
  const key = await combineRecoveryShares(shares);
  zero(...shares);
  const verifier = recoveryVerifier(key);
  zero(key);
  return verifier;
}

/** @param wanted of the store's keyring @param given null where no shares were asked for @throws IntegrityError `recovery_shares_wrong` */
export function requireQuorum(wanted: Uint8Array | null, given: Uint8Array | null): void {
  if (wanted === null || given === null || !timingSafeEqual(wanted, given)) throw wrongShares();
}

export function wrongShares(): IntegrityError {
  return new IntegrityError('recovery_shares_wrong', 'these shares do not make the recovery key of this store', {
    hint:
      "check that each is whole and one of this store's. If they are, then this is not the store that they were given out for: " +
      'somebody put another one in its place; restore it from a backup',
  });
}
