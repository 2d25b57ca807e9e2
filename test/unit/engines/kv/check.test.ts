import { afterEach, expect, it, vi } from 'vitest';
import { engineOf } from '../../../../src/engines/index.ts';
import { mount } from './support.ts';

afterEach(() => vi.restoreAllMocks());

it('looks at what a secret with many versions lists once for its metadata and once for all of them', async () => {
  const versions = 40;
  const kv = mount('2');
  await kv.call('write', 'metadata/app', `{"max_versions": ${versions}}`);
  for (let number = 1; number <= versions; number++) await kv.call('write', 'data/app', `{"data": {"n": ${number}}}`);

  const { view } = kv.context;
  const check = await engineOf({ type: 'kv', options: { version: '2' } }).check({
    mountPath: 'kv/',
    view,
    has: (path) => view.has(path),
  });
  const entries = vi.spyOn(Object, 'entries');
  const faults: string[] = [];
  for (const row of kv.rows()) {
    const path = JSON.parse(row) as string[];
    faults.push(...(await check(path, (await view.get(path)) ?? new Uint8Array())));
  }

  expect(faults).toEqual([]);
  expect(kv.rows().length).toBeGreaterThan(versions);
  const listings = entries.mock.results.filter(({ value }) => (value as unknown[]).length === versions);
  expect(listings).toHaveLength(2);
});
