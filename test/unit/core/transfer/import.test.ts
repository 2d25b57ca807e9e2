import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CarriedSecret, importSecrets, withMounts, withMountsSession } from '../../../../src/core/index.ts';
import { contextOf, makeStand } from '../../../support/store.ts';

describe('an import of several batches', () => {
  const stand = makeStand();
  beforeAll(() => {
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
  });
  afterAll(() => stand.remove());

  async function* secrets(end: number): AsyncGenerator<CarriedSecret> {
    for (let at = 0; at < 20_500; at++) {
      if (at === end) throw new Error('the input ends here');
      yield { path: `kv/many/${at}`, data: { number: String(at) }, metadata: null, versions: null };
    }
  }

  it('keeps what is written when it fails, and goes on behind it', { timeout: 120_000 }, async () => {
    const context = await contextOf(stand);
    const told: number[] = [];
    const run = (end: number): Promise<unknown> =>
      withMountsSession(context, (transaction) =>
        importSecrets(transaction, secrets(end), { cas: null, progress: (done) => told.push(done) }),
      );
    await expect(run(20_200)).rejects.toThrow('the input ends here');
    const kept = told.at(-1) ?? 0;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(20_200);
    const there = await withMounts(context, 'read', (mounts) =>
      mounts.request({ operation: 'list', path: 'kv/many', data: {} }),
    );
    expect(there?.data?.['keys']).toHaveLength(kept);
    expect(await run(-1)).toEqual({ new: 20_500 - kept, changed: 0, unchanged: kept });
  });
});
