import { utf8 } from '../../bytes.ts';
import type { Context } from '../context.ts';
import { LEASE, SEALED_BY_OPERATOR } from '../row-paths.ts';
import { withStorage } from '../storage.ts';
import { headerOf, recordOf } from '../unsealed/state.ts';

/** Ends the lease and remembers that an operator wished it. Needs no HSM. Returns false when it was sealed before. */
export async function sealStore(context: Context): Promise<boolean> {
  return withStorage(context, false, (storage) =>
    storage.transaction('write', async (rows) => {
      // An altered lease must not stand in the way, so the record is all that is looked at.
      const record = await recordOf(rows);
      if (context.config.storeId !== null) headerOf(record, context);
      const wasUnsealed = (await rows.get(LEASE)) !== null && (await rows.get(SEALED_BY_OPERATOR)) === null;
      await rows.delete(LEASE);
      await rows.put(SEALED_BY_OPERATOR, utf8(String(context.machine().now)));
      return wasUnsealed;
    }),
  );
}
