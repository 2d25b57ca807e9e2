import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStand, ownToken, type Outcome, type Stand } from '../support/store.ts';

const WRITERS = 64;

describe.each(['off', 'write', 'unseal'])('writers at the same time, with anchor = "%s"', (anchor) => {
  let stand: Stand;

  beforeAll(() => {
    stand = makeStand({ seal: `anchor = "${anchor}"` });
    stand.open();
    stand.ok('secrets', 'enable', '-path=two', 'kv-v2');
  });
  afterAll(() => stand.remove());

  /** An anchor is in the one token that all share; else each has a copy, since SoftHSM rewrites the token's file at every login. */
  const envOf = (at: number): Readonly<Record<string, string>> => (anchor === 'off' ? ownToken(stand, String(at)) : {});
  const codeOf = ({ stderr }: Outcome): string => (stderr === '' ? '' : (JSON.parse(stderr) as { code: string }).code);

  it(
    `have one winner of ${WRITERS} that want the same version, and raise no false alarm`,
    { timeout: 300_000 },
    async () => {
      for (const version of [0, 1]) {
        const racing = Array.from({ length: WRITERS }, (_, at) =>
          stand.start(['kv', 'put', `-cas=${version}`, '-format=json', 'two/app', `v=${at}`], { env: envOf(at) }),
        );
        const readers = Array.from({ length: 8 }, (_, at) =>
          stand.start(['kv', 'get', '-format=json', 'two/app'], { env: envOf(WRITERS + at) }),
        );
        const outcomes = await Promise.all(racing.map(({ outcome }) => outcome));
        expect(outcomes.filter(({ status }) => status === 0)).toHaveLength(1);
        // Who waited ten seconds for the others is told so, on a slow machine.
        const isBusy = ({ status }: Outcome): boolean => anchor !== 'off' && status === 3; // the token is being rewritten
        for (const outcome of outcomes.filter((ended) => ended.status !== 0 && !isBusy(ended)))
          expect(['cas_mismatch', 'storage_busy'], outcome.stderr).toContain(codeOf(outcome));
        const read = await Promise.all(readers.map(({ outcome }) => outcome));
        for (const outcome of read.filter((ended) => !isBusy(ended)))
          expect([0, 2], outcome.stderr).toContain(outcome.status);
      }
      expect(stand.run(['operator', 'verify'])).toMatchObject({ status: 0, stderr: '' });
      expect(JSON.parse(stand.ok('kv', 'get', '-format=json', 'two/app'))).toMatchObject({
        data: { metadata: { version: 2 } },
      });
    },
  );
});

describe('two machines that share a token', () => {
  it('take a store that is ahead of its anchor, and raise it', () => {
    const stand = makeStand({ seal: 'anchor = "write"' });
    try {
      stand.open();
      stand.ok('secrets', 'enable', '-path=kv', 'kv');
      stand.ok('kv', 'put', 'kv/a', 'v=1');
      const behind = ownToken(stand, 'behind'); // as if every raise since had been lost
      stand.ok('kv', 'put', 'kv/a', 'v=2');
      stand.ok('kv', 'put', 'kv/a', 'v=3');
      expect(stand.run(['kv', 'get', '-field=v', 'kv/a'], { env: behind })).toMatchObject({ status: 0, stdout: '3' });
      const found = JSON.parse(stand.run(['operator', 'verify', '-format=json'], { env: behind }).stdout) as object;
      expect(found).toMatchObject({ faults: [] });
      const { anchor, counter } = found as { anchor: number; counter: number };
      expect(anchor).toBe(counter);
    } finally {
      stand.remove();
    }
  });
});
