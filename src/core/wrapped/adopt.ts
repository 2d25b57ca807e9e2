import { IntegrityError, StoreError } from '../../errors.ts';
import { readRecord } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { type ReadShares, requireQuorum, verifierOf, wrongShares } from '../quorum.ts';
import type { Unsealed, UnsealedSession } from '../unsealed/unsealed.ts';
import { RECORD_NAME } from '../unsealed/state.ts';

/** How a store is taken over that no HMAC vouches for. */
export interface Adoption {
  /** Asked for as many shares as `counts` wants. They are zeroed here. */
  readonly shares: ReadShares;
  /** Whether a store for which no shares were given out is taken as it is. */
  readonly force: boolean;
}

/**
 * Lets a store without an HMAC be used where a quorum of its recovery shares vouches for it. Whoever has an RSA public key can make
 * a whole store with it, but not one whose keyring has the verifier of a recovery key that they do not know: the true verifier
 * stands nowhere but inside the true keyring, under the root key. So a store that agrees with the shares has a keyring that coffer
 * wrote, with the root key that goes with it; which of its former states it is, they do not say.
 * @returns the same session, each of whose transactions looks again: the file may be exchanged at any time
 * @throws IntegrityError `recovery_shares_wrong`; StoreError `no_recovery_shares` without shares and without `force`
 */
export async function adopt(
  context: Context,
  session: UnsealedSession,
  { shares, force }: Adoption,
): Promise<UnsealedSession> {
  const needed = await session.transaction('read', async (unsealed) =>
    isVouchedFor(unsealed) ? null : unsealed.keys.keyring.recovery,
  );
  if (needed === null) return watched(session, () => throwUnvouched());
  const { verifier, ...counts } = needed;
  if (verifier === null) {
    if (!force) throw noShares();
    context.note([
      { remedy: 'accept-unvouched' },
      ': no shares vouch for this store; from now on everything in it counts as written by you, whoever could write to the file until now',
    ]);
    return watched(session, (unsealed) => {
      if (unsealed.keys.keyring.recovery.verifier !== null) throwUnvouched();
    });
  }
  if (counts.threshold < 1) throw wrongShares(); // coffer makes none such
  const given = await verifierOf(await shares(counts));
  requireQuorum(verifier, given); // before anything is begun
  return watched(session, ({ keys }) => requireQuorum(keys.keyring.recovery.verifier, given));
}

/** @param check throws for a store that no HMAC vouches for and that is not the one that was taken over */
function watched(session: UnsealedSession, check: (unsealed: Unsealed) => void): UnsealedSession {
  return {
    ...session,
    transaction: (mode, use) =>
      session.transaction(mode, (unsealed, as) => {
        if (!isVouchedFor(unsealed)) check(unsealed);
        return use(unsealed, as);
      }),
  };
}

/** The HMAC, where there is one, was checked when the record was opened. */
function isVouchedFor({ state }: Unsealed): boolean {
  return readRecord(state.record, RECORD_NAME).macStanza !== null;
}

function throwUnvouched(): never {
  const problem = `${RECORD_NAME} was exchanged for one without an HMAC while this command ran`;
  throw new IntegrityError('record_altered', problem, {
    hint: 'find out who could write to the store',
  });
}

function noShares(): StoreError {
  const problem =
    'this store says that no recovery shares were given out for it, so nothing tells it from one that somebody else made';
  return new StoreError('no_recovery_shares', problem, {
    hint: [
      'if yours has shares, this is not yours: restore it from a backup. If it has none, ',
      { remedy: 'accept-unvouched' },
      ' takes it as it is: everything in it then counts as written by you, whoever could write to the file until now',
    ],
  });
}
