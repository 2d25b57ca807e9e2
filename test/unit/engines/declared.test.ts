import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/json.ts';
import { hintText } from '../../../src/cli/remedies.ts';
import type { KnownParameters } from '../../../src/engines/declare.ts';
import { engineOf } from '../../../src/engines/index.ts';
import { mount as kvMount } from './kv/support.ts';
import { mount } from './transit/support.ts';

const ignored = (names: string) => `Endpoint ignored these unrecognized parameters: [${names}]`;

async function warnings(path: string, data: JsonObject, operation: 'read' | 'write' = 'write'): Promise<string[]> {
  const transit = mount();
  await transit.write('keys/k');
  return [...((await transit.call(operation, path, data))?.warnings ?? [])];
}

describe('a parameter that a path does not know', () => {
  it.each<[string, JsonObject, string, string]>([
    ['keys/new', { typ: 'ed25519' }, 'typ', 'type'],
    ['keys/new', { exportabel: true }, 'exportabel', 'exportable'],
    ['hmac/k', { input: 'YQ==', hash_algorithm: 'sha2-512' }, 'hash_algorithm', 'algorithm'],
    ['encrypt/k', { plaintext: 'YQ==', contxt: 'YQ==' }, 'contxt', 'context'],
    ['keys/k/config', { deletion: true }, 'deletion', 'deletion_allowed'],
    ['encrypt/k', { batch_input: [{ plaintext: 'YQ==', contxt: '' }] }, 'batch_input.contxt', 'batch_input.context'],
    [
      'encrypt/k',
      { batch_input: '[{"plaintext":"YQ==","keyversion":1}]' },
      'batch_input.keyversion',
      'batch_input.key_version',
    ],
  ])('is warned of: write %s %j', async (path, data, name, meant) => {
    const [warning, ...more] = await warnings(path, data);
    expect(warning).toBe(`${ignored(name)}; did you mean ${meant}?; see: coffer path-help transit/${path}`);
    expect(more).toEqual([]);
  });

  it('is one of another operation, too', async () => {
    expect(await warnings('keys/k', { derived: true }, 'read')).toEqual([
      `${ignored('derived')}; see: coffer path-help transit/keys/k`,
    ]);
  });

  it('is named with the others, in their order', async () => {
    const [warning] = await warnings('hash', { input: 'YQ==', zeta: 1, alpha: 2 });
    expect(warning).toMatch(/^Endpoint ignored these unrecognized parameters: \[alpha zeta\]/);
  });

  it('that the path says already is called replaced', async () => {
    const replaced = (names: string) =>
      `Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [${names}]`;
    expect(await warnings('keys/k', { name: 'other' })).toContain(replaced('name'));
    expect(await warnings('random/8', { bytes: 9 })).toEqual([replaced('bytes')]);
    expect(await warnings('random/platform', { bytes: 9 })).toEqual([]);
    expect(await warnings('random/platform', { source: 'all', bytes: 9 })).toEqual([replaced('source')]);
    expect(await warnings('random/platform/8', { bytes: 9 })).toEqual([replaced('bytes')]);
    expect(await warnings('hash/sha2-512', { input: '', algorithm: 'sha2-256' })).toEqual([replaced('algorithm')]);
  });

  it('that a batch has in its items does not count beside it', async () => {
    const batch_input = [{ plaintext: 'YQ==' }];
    expect(await warnings('encrypt/k', { batch_input, plaintext: 'Yg==', key_version: 1 })).toEqual([
      'beside batch_input these parameters are ignored, since each item has its own: [key_version plaintext]',
    ]);
    expect(await warnings('hmac/k', { batch_input: [{ input: 'YQ==' }], key_version: 1 })).toEqual([]);
  });

  it('is named in the hint of an error, which it may be the cause of', async () => {
    const transit = mount();
    const error = await transit.failure('write', 'hash', { inptu: 'YQ==' });
    expect(error).toMatchObject({ code: 'missing_parameter', exitStatus: 1 });
    expect(hintText(error.hint ?? '').split('\n')).toEqual([
      'give input=...',
      `${ignored('inptu')}; did you mean input?; see: coffer path-help transit/hash`,
    ]);
  });

  it('is warned of on every path of kv version 2, and on none of version 1 that writes', async () => {
    const kv = kvMount('2');
    const asked: [string, JsonObject, string][] = [
      ['data/a', { data: {}, optoins: {} }, 'optoins'],
      ['data/a', { data: {}, options: { cass: 0 } }, 'options.cass'],
      ['metadata/a', { max_version: 3 }, 'max_version'],
      ['config', { cas: true }, 'cas'],
      ['undelete/a', { versions: '1', versoin: 2 }, 'versoin'],
    ];
    for (const [path, data, name] of asked) {
      const response = await kv.call('write', path, JSON.stringify(data));
      expect(response?.warnings.at(-1)).toContain(ignored(name));
      expect(response?.ignored).toBe(true);
    }
    const first = kvMount('1');
    expect((await first.call('write', 'a', '{"max_version":3,"path":"b"}'))?.warnings).toEqual([]);
    expect((await first.call('read', 'a', '{"version":3}'))?.warnings[0]).toContain(ignored('version'));
  });
});

const ENGINES = [
  engineOf({ type: 'kv', options: { version: '1' } }),
  engineOf({ type: 'kv', options: { version: '2' } }),
  engineOf({ type: 'transit', options: {} }),
];

describe('a declaration', () => {
  it('has words of one line for every name, and nothing for an operation that is not there', async () => {
    const words = (known: KnownParameters): string[] =>
      Object.values(known).flatMap(({ help, members }) => [help, ...words(members ?? {})]);
    for (const engine of ENGINES) {
      for (const [pattern, , operations, takes = {}] of await engine.routes()) {
        expect(Object.keys(operations), pattern).toEqual(expect.arrayContaining(Object.keys(takes)));
        for (const known of Object.values(takes).filter((each) => each !== 'anything')) {
          for (const help of words(known)) expect(help).toMatch(/^[^\n]*[^\n.\s]$/);
        }
      }
    }
  });

  it('has an example that gives what must be given, by names that are known', async () => {
    for (const engine of ENGINES) {
      for (const [pattern, , operations, takes = {}, example] of await engine.routes()) {
        const operation = example?.[0] ?? (Object.keys(operations)[0] as 'read');
        expect(Object.keys(operations), pattern).toContain(operation);
        const known = takes[operation] ?? {};
        if (known === 'anything') continue;
        const given = (example?.[1] ?? '')
          .split(' ')
          .filter((pair) => pair !== '')
          .map((pair) => pair.split('=')[0]);
        expect(Object.keys(known), pattern).toEqual(expect.arrayContaining(given));
        const must = Object.keys(known).filter((name) => known[name]?.required === true);
        expect(given, pattern).toEqual(expect.arrayContaining(must));
      }
    }
  });
});
