import { activeTerm } from '../../barrier/index.ts';
import { ByteReader, ByteWriter, concat, MalformedBytes } from '../../bytes.ts';
import { IntegrityError } from '../../errors.ts';
import type { Rows } from '../../storage/index.ts';
import { MAC_BYTES, rootMac, verifyRootMac } from './root-mac.ts';
import { disagrees } from './disagreement.ts';
import type { StoreKeys } from './keys.ts';
import { USAGE } from '../row-paths.ts';

const VERSION = 1;
const PURPOSE = 'coffer usage v1';

/**
 * A new term starts at 2^30 encryptions: NIST SP 800-38D section 8.3 allows 2^32 with random 96-bit IVs under one key.
 */
export const TERM_LIMIT = 2 ** 30;

/** How many values were encrypted under the active term. Byte layout: coffer-format(7), "Usage". */
export interface Usage {
  readonly term: number;
  readonly encryptions: number;
}

/**
 * The count of encryptions, which is of the keyring's newest term.
 * @throws IntegrityError `usage_altered`, `core_disagrees`
 */
export async function readUsage(
  rows: Rows,
  { rootKey, keyring }: Pick<StoreKeys, 'rootKey' | 'keyring'>,
): Promise<Usage> {
  const usage = decodeUsage(await rows.get(USAGE), rootKey);
  const { number } = activeTerm(keyring);
  if (usage.term !== number)
    throw disagrees(
      `the keyring in the store's own record ends at term ${number}, and the count of encryptions is for term ${usage.term}`,
    );
  return usage;
}

export function encodeUsage(usage: Usage, rootKey: Uint8Array): Uint8Array {
  const body = new ByteWriter().u8(VERSION).u32(usage.term).u64(usage.encryptions).finish();
  return concat(body, rootMac(rootKey, PURPOSE, body));
}

/** @throws IntegrityError `usage_altered` */
export function decodeUsage(bytes: Uint8Array | null, rootKey: Uint8Array): Usage {
  try {
    const reader = new ByteReader(bytes ?? new Uint8Array(0));
    if (reader.u8() !== VERSION) throw new MalformedBytes('an unknown version');
    const usage = { term: reader.u32(), encryptions: reader.u64() };
    const body = (bytes ?? new Uint8Array(0)).subarray(0, reader.offset);
    if (!verifyRootMac(rootKey, PURPOSE, body, reader.raw(MAC_BYTES)))
      throw new MalformedBytes('it does not authenticate');
    reader.end();
    return usage;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw new IntegrityError('usage_altered', `the count of encryptions in the store was altered: ${error.message}`, {
      hint: 'restore the store from a backup and find out who could write to it',
    });
  }
}
