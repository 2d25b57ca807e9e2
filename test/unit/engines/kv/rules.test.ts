import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '../../../../src/core/index.ts';
import { contextOf, makeStand, type Stand } from '../../../support/store.ts';
import { time } from './model.ts';
import { type RealMount, realMount, START } from './real.ts';

/** What Vault and OpenBao answer, asked of a store in a file. */

const HOUR = 3_600_000;

let stand: Stand;
let context: Context;

beforeAll(async () => {
  stand = makeStand();
  stand.open();
  context = await contextOf(stand);
});
afterAll(() => stand.remove());

const metadataOf = (kv: RealMount): Promise<unknown> => kv.data('read', 'metadata/a');

describe('delete_version_after', () => {
  it.each([
    ['0', '0', null],
    ['0', '3h', 3],
    ['3h', '0', 3],
    ['6h', '3h', 3],
    ['3h', '6h', 3],
    ['-1s', '0', null],
    ['-1s', '3h', null],
    ['-720h', '3h', null],
    // Vault takes no negative time for a secret.
    ['3h', '-1s', null],
  ])('is the shorter of mount %s and secret %s, unless one is negative', async (mount, secret, hours) => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'config', JSON.stringify({ delete_version_after: mount }));
    await kv.ask('write', 'metadata/a', JSON.stringify({ delete_version_after: secret }));
    const end = hours === null ? '' : time(START + hours * HOUR);
    expect(await kv.data('write', 'data/a', '{"data":{}}')).toMatchObject({ deletion_time: end });
    expect(await kv.data('patch', 'data/a', '{"data":{"n":1}}')).toMatchObject({ deletion_time: end });
  });

  it.each([
    ['-1s', '-1s'],
    ['-720h', '-1s'],
    ['-1', '-1s'],
    ['1500ms', '1s'],
    ['999ms', '0s'],
    ['-999ms', '0s'],
    ['1h0m0.9s', '1h0m0s'],
    ['2000000us', '2s'],
    ['3000000000ns', '3s'],
    ['.5h', '30m0s'],
    ['+90s', '1m30s'],
    ['1d', '24h0m0s'],
    ['90', '1m30s'],
    ['0', '0s'],
  ])('of %s reads back as %s, from the mount and from the secret', async (given, shown) => {
    const kv = await realMount(context, '2');
    for (const place of ['config', 'metadata/a']) {
      await kv.ask('write', place, JSON.stringify({ delete_version_after: given }));
      expect(await kv.data('read', place), place).toMatchObject({ delete_version_after: shown });
    }
  });

  it('counts whole seconds alone', async () => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'config', '{"delete_version_after":"1999ms"}');
    expect(await kv.data('write', 'data/a', '{"data":{}}')).toMatchObject({ deletion_time: time(START + 1000) });
  });

  it('begins anew with undelete', async () => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'config', '{"delete_version_after":"2h"}');
    await kv.ask('write', 'data/a', '{"data":{"n":1}}');
    kv.now += 5 * HOUR;
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: null });
    await kv.ask('write', 'undelete/a', '{"versions":[1]}');
    expect(await kv.data('read', 'data/a')).toMatchObject({
      data: { n: 1 },
      metadata: { deletion_time: time(START + 7 * HOUR) },
    });
    await kv.ask('write', 'config', '{"delete_version_after":"-1s"}');
    await kv.ask('write', 'undelete/a', '{"versions":[1]}');
    expect(await kv.data('read', 'data/a')).toMatchObject({ metadata: { deletion_time: '' } });
  });
});

describe('a destroyed version', () => {
  it('keeps its deletion time at undelete and at delete', async () => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'data/a', '{"data":{}}');
    await kv.ask('delete', 'data/a');
    await kv.ask('write', 'destroy/a', '{"versions":[1]}');
    kv.now += HOUR;
    await kv.ask('write', 'undelete/a', '{"versions":[1]}');
    await kv.ask('write', 'delete/a', '{"versions":[1]}');
    expect(await metadataOf(kv)).toMatchObject({ versions: { 1: { deletion_time: time(START), destroyed: true } } });
  });

  it('has none where it was not deleted before', async () => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'data/a', '{"data":{}}');
    await kv.ask('write', 'destroy/a', '{"versions":[1]}');
    await kv.ask('delete', 'data/a');
    expect(await metadataOf(kv)).toMatchObject({ versions: { 1: { deletion_time: '', destroyed: true } } });
  });
});

describe('updated_time', () => {
  it('is that of the last write of data or settings', async () => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'data/a', '{"data":{}}');
    for (const [operation, path] of [
      ['delete', 'data/a'],
      ['write', 'undelete/a'],
      ['write', 'delete/a'],
      ['write', 'destroy/a'],
    ] as const) {
      kv.now += 1000;
      await kv.ask(operation, path, '{"versions":[1]}');
      expect(await metadataOf(kv), path).toMatchObject({ updated_time: time(START) });
    }
    await kv.ask('write', 'metadata/a', '{"max_versions":3}');
    expect(await metadataOf(kv)).toMatchObject({ created_time: time(START), updated_time: time(START + 4000) });
    kv.now += 1000;
    await kv.ask('write', 'data/a', '{"data":{}}');
    expect(await metadataOf(kv)).toMatchObject({ updated_time: time(START + 5000) });
  });
});

describe('settings', () => {
  it.each(['{}', '{"max_version":3}'])('%s make nothing, and that is said', async (given) => {
    const kv = await realMount(context, '2');
    const { data, warnings } = await kv.ask('write', 'metadata/a', given);
    expect(data).toBeNull();
    expect(warnings[0]).toBe(`nothing was done: no setting of ${kv.path}a is given`);
    expect(await metadataOf(kv)).toBeUndefined();
    expect((await kv.ask('write', 'config', given)).warnings[0]).toBe(
      `nothing was done: no setting of ${kv.path}config is given`,
    );
    await kv.ask('write', 'data/a', '{"data":{}}');
    kv.now += 1000;
    expect((await kv.ask('patch', 'metadata/a', given)).warnings[0]).toBe(warnings[0]);
    expect(await metadataOf(kv), 'nothing is changed').toMatchObject({ updated_time: time(START) });
  });

  it('custom_metadata alone makes a secret, also where it has no remark', async () => {
    const kv = await realMount(context, '2');
    expect((await kv.ask('write', 'metadata/a', '{"custom_metadata":{}}')).warnings).toEqual([]);
    expect(await metadataOf(kv)).toMatchObject({ custom_metadata: null, current_version: 0 });
  });

  it('say so where the mount demands cas_required all the same', async () => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'config', '{"cas_required":true}');
    expect((await kv.ask('write', 'metadata/a', '{"cas_required":true}')).warnings).toEqual([]);
    const overruled = [`cas_required is false, and ${kv.path}config demands it all the same`];
    expect((await kv.ask('write', 'metadata/a', '{"cas_required":false}')).warnings).toEqual(overruled);
    expect((await kv.ask('patch', 'metadata/a', '{"cas_required":"false"}')).warnings).toEqual(overruled);
    expect(await kv.refusal('write', 'data/a', '{"data":{}}')).toBe('cas_required');
  });

  it('oldest_version is 1 from the tenth version on', async () => {
    const kv = await realMount(context, '2');
    for (let n = 1; n <= 9; n++) await kv.ask('write', 'data/a', '{"data":{}}');
    expect(await metadataOf(kv)).toMatchObject({ oldest_version: 0 });
    await kv.ask('write', 'data/a', '{"data":{}}');
    expect(await metadataOf(kv)).toMatchObject({ oldest_version: 1, versions: { 1: {}, 10: {} } });
    await kv.ask('write', 'data/a', '{"data":{}}');
    expect(await metadataOf(kv)).toMatchObject({ oldest_version: 2 });
  });
});

describe('custom_metadata', () => {
  it('is null where there is none, or none is left', async () => {
    const kv = await realMount(context, '2');
    expect(await kv.data('write', 'data/a', '{"data":{}}')).toMatchObject({ custom_metadata: null });
    await kv.ask('write', 'metadata/a', '{"custom_metadata":{"owner":"ada"}}');
    await kv.ask('patch', 'metadata/a', '{"custom_metadata":{"owner":null}}');
    expect(await metadataOf(kv)).toMatchObject({ custom_metadata: null });
    await kv.ask('write', 'metadata/a', '{"custom_metadata":{"owner":"ada"}}');
    await kv.ask('write', 'metadata/a', '{"custom_metadata":{}}');
    expect(await kv.data('read', 'data/a')).toMatchObject({ metadata: { custom_metadata: null } });
  });

  it.each([
    ['12345678901234567890', '12345678901234567890'],
    ['1.10', '1.10'],
    ['-0', '-0'],
    ['1e400', '1e400'],
    ['true', '1'],
    ['false', '0'],
  ])('has %s as text', async (given, text) => {
    const kv = await realMount(context, '2');
    await kv.ask('write', 'metadata/a', `{"custom_metadata":{"k":${given}}}`);
    expect(await metadataOf(kv)).toMatchObject({ custom_metadata: { k: text } });
    await kv.ask('patch', 'metadata/a', `{"custom_metadata":{"l":${given}}}`);
    expect(await metadataOf(kv)).toMatchObject({ custom_metadata: { k: text, l: text } });
  });

  it('takes null for a remark in a patch alone', async () => {
    const kv = await realMount(context, '2');
    expect(await kv.refusal('write', 'metadata/a', '{"custom_metadata":{"k":null}}')).toBe('bad_parameter');
    expect(await metadataOf(kv)).toBeUndefined();
  });

  it('counts those that stay to the most there may be', async () => {
    const kv = await realMount(context, '2');
    const many = Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`k${at}`, 'v']));
    await kv.ask('write', 'metadata/a', JSON.stringify({ custom_metadata: many }));
    expect(await kv.refusal('patch', 'metadata/a', '{"custom_metadata":{"one":"more"}}')).toBe('bad_parameter');
    expect(await kv.refusal('patch', 'metadata/a', '{"custom_metadata":{"one":"more","k0":null}}')).toBeNull();
  });
});

describe('undelete and destroy of what is not there', () => {
  it('say that nothing was done', async () => {
    const kv = await realMount(context, '2');
    for (const verb of ['undelete', 'destroy'])
      expect(await kv.ask('write', `${verb}/a`, '{"versions":[1]}'), verb).toMatchObject({
        data: null,
        warnings: [`nothing was done: there is no secret ${kv.path}a`],
      });
    await kv.ask('write', 'data/a', '{"data":{}}');
    for (const verb of ['undelete', 'destroy'])
      expect((await kv.ask('write', `${verb}/a`, '{"versions":[2,3]}')).warnings, verb).toEqual([
        `nothing was done: ${kv.path}a has no version 2, 3`,
      ]);
  });

  it('name what was passed over', async () => {
    const kv = await realMount(context, '2');
    for (const n of [1, 2]) await kv.ask('write', 'data/a', `{"data":{"n":${n}}}`);
    expect((await kv.ask('write', 'destroy/a', '{"versions":"1,9,9"}')).warnings).toEqual([
      `${kv.path}a has no version 9`,
    ]);
    expect((await kv.ask('write', 'destroy/a', '{"versions":[1]}')).warnings).toEqual([]);
    await kv.ask('delete', 'data/a');
    expect((await kv.ask('write', 'undelete/a', '{"versions":[2]}')).warnings).toEqual([]);
    expect((await kv.ask('write', 'undelete/a', '{"versions":[1]}')).warnings).toEqual([
      `nothing was done: version 1 of ${kv.path}a is destroyed`,
    ]);
    expect((await kv.ask('write', 'undelete/a', '{"versions":[1,2,9]}')).warnings).toEqual([
      `${kv.path}a has no version 9, and version 1 of ${kv.path}a is destroyed`,
    ]);
  });
});

describe('lease_duration of version 1', () => {
  it.each([
    ['{"a":"b"}', 2_764_800],
    ['{"ttl":"1h"}', 3600],
    ['{"lease":"1h"}', 3600],
    ['{"ttl":"5","lease":"1h"}', 5],
    ['{"ttl":60}', 60],
    ['{"ttl":"60"}', 60],
    ['{"ttl":"1h30m"}', 5400],
    ['{"ttl":"1.5h"}', 5400],
    ['{"ttl":"2d"}', 172_800],
    ['{"ttl":"1500ms"}', 1],
    ['{"ttl":"999ms"}', 0],
    ['{"ttl":0}', 0],
    ['{"ttl":""}', 0],
    ['{"ttl":null}', 0],
    ['{"ttl":"-5s"}', -5],
    ['{"ttl":"2000h"}', 7_200_000],
    ['{"ttl":"soon"}', 2_764_800],
    ['{"ttl":"soon","lease":"1h"}', 2_764_800],
    ['{"ttl":1.5}', 2_764_800],
    ['{"ttl":true}', 2_764_800],
    ['{"ttl":["1h"]}', 2_764_800],
    ['{"TTL":"1h"}', 2_764_800],
  ])('of %s is %i', async (content, seconds) => {
    const kv = await realMount(context, '1');
    await kv.ask('write', 'a', content);
    const { data, ...rest } = await kv.ask('read', 'a');
    expect(JSON.stringify(data)).toBe(content);
    expect(rest).toEqual({ warnings: [], leaseDuration: seconds });
  });
});
