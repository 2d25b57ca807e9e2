import { utf8 } from '../../bytes.ts';
import type { Context } from '../context.ts';
import { machineRows } from '../row-paths.ts';
import { withStorage } from '../storage.ts';
import { headerOf, recordOf, requireRoot } from '../unsealed/state.ts';

/** Ends the lease and remembers that an operator wished it. Needs no HSM. Returns false when it was sealed before. */
export async function sealStore(context: Context): Promise<boolean> {
  return withStorage(context, false, (storage) =>
    storage.transaction('write', async (rows) => {
      // An altered lease must not stand in the way, so the record is all that is looked at, and which rows are this machine's.
      const record = await recordOf(rows);
      await requireRoot(rows);
      if (context.config.storeId !== null) headerOf(record, context);
      const { id, now } = context.machine();
      const { lease, sealedByOperator } = machineRows(rows.layout, id);
      const wasUnsealed = (await rows.get(lease)) !== null && (await rows.get(sealedByOperator)) === null;
      await rows.delete(lease);
      await rows.put(sealedByOperator, utf8(String(now)));
      return wasUnsealed;
    }),
  );
}
