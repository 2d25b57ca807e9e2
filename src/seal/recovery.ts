import { createHash } from 'node:crypto';
import { zero } from '../bytes.ts';
import { UsageError } from '../errors.ts';

/** How many shares of the recovery key are given out, and how many make the key again. */
export interface ShareCounts {
  readonly shares: number;
  readonly threshold: number;
}

const MOST_SHARES = 255; // GF(2^8) without the secret's own x = 0

/** @throws UsageError `recovery_shares` */
export function checkShareCounts({ shares, threshold }: ShareCounts): void {
  const problem = shareCountProblem(shares, threshold);
  if (problem !== null) {
    throw new UsageError('recovery_shares', problem, { hint: { remedy: 'choose-recovery-shares' } });
  }
}

function shareCountProblem(shares: number, threshold: number): string | null {
  if (shares > MOST_SHARES) return `${shares} recovery shares are asked for; at most ${MOST_SHARES} are possible`;
  if (shares === 0 && threshold !== 0) return `the recovery threshold is ${threshold}, but no shares are asked for`;
  if (threshold > shares) return `the recovery threshold is ${threshold}, more than the ${shares} recovery shares`;
  if (shares > 0 && threshold === 0)
    return `the recovery threshold is 0, though ${shares} recovery shares are asked for`;
  if (shares > 1 && threshold === 1) return 'a threshold of 1 with several shares would make every share the whole key';
  return null;
}

/**
 * Splits the 32-byte recovery key into shares of 33 bytes, the x coordinate last, as Vault does. A single share is the
 * key itself, 32 bytes. (A. Shamir, "How to share a secret", 1979, over GF(2^8).)
 */
export async function splitRecoveryKey(key: Uint8Array, { shares, threshold }: ShareCounts): Promise<Uint8Array[]> {
  if (shares === 1) return [key.slice()];
  const { split } = await import('shamir-secret-sharing');
  return split(key, shares, threshold);
}

/** Makes the recovery key again; wrong or too few shares give a wrong key, which only the verifier shows. */
export async function combineRecoveryShares(shares: readonly Uint8Array[]): Promise<Uint8Array> {
  const [only] = shares;
  if (shares.length === 1 && only !== undefined) return only.slice();
  const { combine } = await import('shamir-secret-sharing');
  return combine([...shares]);
}

/** SHA-256 of the recovery key, which has 256 bits of entropy and so needs no stretching. */
export function recoveryVerifier(key: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(key).digest();
  const verifier = new Uint8Array(digest);
  zero(digest);
  return verifier;
}
