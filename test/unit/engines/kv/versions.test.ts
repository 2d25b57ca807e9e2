import { describe, expect, it } from 'vitest';
import { mount, START } from './support.ts';
import { time } from './model.ts';

const HOUR = 3_600_000;

describe('versions of a secret', () => {
  it('are numbered from 1 and read one by one', async () => {
    const kv = mount('2');
    expect(await kv.data('write', 'data/a', '{"data":{"n":1}}')).toEqual({
      created_time: time(START),
      custom_metadata: null,
      deletion_time: '',
      destroyed: false,
      version: 1,
    });
    kv.now += 1000;
    expect(await kv.data('write', 'data/a', '{"data":{"n":2}}')).toMatchObject({
      version: 2,
      created_time: time(START + 1000),
    });
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: { n: 2 }, metadata: { version: 2 } });
    expect(await kv.data('read', 'data/a', '{"version":"1"}')).toMatchObject({
      data: { n: 1 },
      metadata: { version: 1, created_time: time(START) },
    });
    expect(await kv.data('read', 'data/a', '{"version":0}')).toMatchObject({ metadata: { version: 2 } });
    expect(await kv.data('read', 'data/a', '{"version":3}')).toBeNull();
    expect(await kv.data('read', 'data/none')).toBeNull();
  });

  it('lie apart from those of a secret whose name looks like one of them', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"of":"a"}}');
    await kv.call('write', 'data/a/1', '{"data":{"of":"a/1"}}');
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: { of: 'a' } });
    expect(await kv.data('read', 'data/a/1')).toMatchObject({ data: { of: 'a/1' } });
  });

  it('show their metadata and no data when deleted, until they are undeleted', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"n":1}}');
    kv.now += 5;
    expect(await kv.data('delete', 'data/a')).toBeNull();
    expect(await kv.data('read', 'data/a')).toMatchObject({
      data: null,
      metadata: { deletion_time: time(START + 5), destroyed: false },
    });
    kv.now += 5;
    await kv.call('write', 'delete/a', '{"versions":[1]}');
    expect(await kv.data('read', 'data/a'), 'the first deletion counts').toMatchObject({
      metadata: { deletion_time: time(START + 5) },
    });
    await kv.call('write', 'undelete/a', '{"versions":"1"}');
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: { n: 1 }, metadata: { deletion_time: '' } });
  });

  it('are gone for good when destroyed, row and all', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"n":1}}');
    await kv.call('write', 'data/a', '{"data":{"n":2}}');
    const before = kv.rows();
    await kv.call('write', 'destroy/a', '{"versions":[1,7]}');
    expect(before.filter((row) => !kv.rows().includes(row))).toEqual(['["versions","a","1"]']);
    await kv.call('write', 'undelete/a', '{"versions":[1]}');
    expect(await kv.data('read', 'data/a', '{"version":1}')).toMatchObject({
      data: null,
      metadata: { destroyed: true },
    });
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: { n: 2 } });
  });

  it('leave with the secret when its metadata is deleted', async () => {
    const kv = mount('2');
    for (const n of [1, 2]) await kv.call('write', 'data/a/b', `{"data":{"n":${n}}}`);
    await kv.call('delete', 'metadata/a/b');
    expect(kv.rows()).toEqual([]);
    expect(await kv.data('list', 'metadata')).toBeNull();
    expect(await kv.data('write', 'data/a/b', '{"data":{}}')).toMatchObject({ version: 1 });
  });

  it.each(['delete', 'undelete', 'destroy'])('%s of a secret that is not there makes nothing', async (verb) => {
    const kv = mount('2');
    expect(await kv.ask('write', `${verb}/none`, '{"versions":[1]}')).toBe('null');
    expect(kv.rows()).toEqual([]);
  });

  it('deleting what is not there is no error', async () => {
    const kv = mount('2');
    expect(await kv.ask('delete', 'data/none')).toBe('null');
    expect(await kv.ask('delete', 'metadata/none')).toBe('null');
    expect(kv.rows()).toEqual([]);
  });
});

describe('max_versions', () => {
  async function fill(
    settings: { config?: string; metadata?: string },
    count: number,
  ): Promise<ReturnType<typeof mount>> {
    const kv = mount('2');
    if (settings.config !== undefined) await kv.call('write', 'config', settings.config);
    if (settings.metadata !== undefined) await kv.call('write', 'metadata/a', settings.metadata);
    for (let n = 1; n <= count; n++) await kv.call('write', 'data/a', `{"data":{"n":${n}}}`);
    return kv;
  }
  const versionRows = (kv: ReturnType<typeof mount>) => kv.rows().filter((row) => row.startsWith('["versions"')).length;

  it.each([
    { title: 'is ten', settings: {}, kept: 10 },
    { title: "is the mount's", settings: { config: '{"max_versions":3}' }, kept: 3 },
    { title: "is the secret's", settings: { metadata: '{"max_versions":2}' }, kept: 2 },
    {
      title: "is the secret's before the mount's",
      settings: { config: '{"max_versions":2}', metadata: '{"max_versions":4}' },
      kept: 4,
    },
  ])('$title', async ({ settings, kept }) => {
    const kv = await fill(settings, 12);
    const metadata = (await kv.data('read', 'metadata/a')) as {
      versions: object;
      oldest_version: number;
      current_version: number;
    };
    expect(Object.keys(metadata.versions).map(Number)).toEqual(Array.from({ length: kept }, (_, at) => 13 - kept + at));
    expect(metadata).toMatchObject({ oldest_version: 13 - kept, current_version: 12 });
    expect(versionRows(kv), 'rows of versions').toBe(kept);
    expect(await kv.ask('read', 'data/a', `{"version":${12 - kept}}`)).toBeNull();
  });

  it('removes what is too much with the next write, not before', async () => {
    const kv = await fill({}, 5);
    await kv.call('write', 'metadata/a', '{"max_versions":2}');
    expect(versionRows(kv)).toBe(5);
    await kv.call('write', 'data/a', '{"data":{"n":6}}');
    expect(versionRows(kv)).toBe(2);
    expect(await kv.data('read', 'metadata/a')).toMatchObject({ oldest_version: 5 });
  });

  it('removes old versions whether they are deleted, destroyed or neither', async () => {
    const kv = await fill({ metadata: '{"max_versions":3}' }, 3);
    await kv.call('write', 'destroy/a', '{"versions":[1]}');
    await kv.call('write', 'delete/a', '{"versions":[2]}');
    for (let n = 4; n <= 6; n++) await kv.call('write', 'data/a', '{"data":{}}');
    expect(Object.keys(((await kv.data('read', 'metadata/a')) as { versions: object }).versions)).toEqual([
      '4',
      '5',
      '6',
    ]);
    expect(versionRows(kv)).toBe(3);
  });

  it('is oldest_version 0 as long as nothing was removed', async () => {
    expect(await (await fill({}, 9)).data('read', 'metadata/a')).toMatchObject({
      oldest_version: 0,
      current_version: 9,
    });
  });
});

describe('delete_version_after', () => {
  it.each([
    { title: 'nothing is set', config: null, metadata: null, hours: null },
    { title: 'the mount says 2h', config: '2h', metadata: null, hours: 2 },
    { title: 'the secret says 3h', config: null, metadata: '3h', hours: 3 },
    { title: 'the secret says less than the mount', config: '2h', metadata: '1h', hours: 1 },
    { title: 'the secret says more than the mount', config: '1h', metadata: '2h', hours: 1 },
    { title: 'the mount says 0', config: '0s', metadata: '3h', hours: 3 },
    { title: 'the mount says never and the secret says 1h', config: '-5m', metadata: '1h', hours: null },
    { title: 'the secret says 0', config: '2h', metadata: '0s', hours: 2 },
    { title: 'the secret says never', config: '2h', metadata: '-1s', hours: null },
    { title: 'the mount says never', config: '-1s', metadata: null, hours: null },
    { title: 'it is given in seconds', config: '7200', metadata: null, hours: 2 },
  ])('$title', async ({ config, metadata, hours }) => {
    const kv = mount('2');
    if (config !== null) await kv.call('write', 'config', JSON.stringify({ delete_version_after: config }));
    if (metadata !== null) await kv.call('write', 'metadata/a', JSON.stringify({ delete_version_after: metadata }));
    const end = hours === null ? null : START + hours * HOUR;
    expect(await kv.data('write', 'data/a', '{"data":{"n":1}}')).toMatchObject({
      deletion_time: end === null ? '' : time(end),
    });
    kv.now = (end ?? START + 1000 * HOUR) - 1;
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: { n: 1 } });
    kv.now += 1;
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: end === null ? { n: 1 } : null });
  });

  it('counts for versions written afterwards', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"n":1}}');
    await kv.call('write', 'metadata/a', '{"delete_version_after":"1h"}');
    await kv.call('write', 'data/a', '{"data":{"n":2}}');
    kv.now += 2 * HOUR;
    expect(await kv.data('read', 'data/a', '{"version":1}')).toMatchObject({ data: { n: 1 } });
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: null });
    expect(await kv.ask('patch', 'data/a', '{"data":{"m":1}}')).toBeNull();
  });

  it('deleting early replaces the planned time', async () => {
    const kv = mount('2');
    await kv.call('write', 'config', '{"delete_version_after":"1h"}');
    await kv.call('write', 'data/a', '{"data":{}}');
    kv.now += 1;
    await kv.call('delete', 'data/a');
    expect(await kv.data('read', 'data/a')).toMatchObject({ data: null, metadata: { deletion_time: time(START + 1) } });
  });
});

describe('check-and-set', () => {
  const mismatch = {
    code: 'cas_mismatch',
    exitStatus: 2,
    message: 'check-and-set parameter did not match the current version',
  };
  const required = { code: 'cas_required', exitStatus: 2, message: 'check-and-set parameter required for this call' };

  it('writes only over the version it names; 0 stands for none', async () => {
    const kv = mount('2');
    expect(await kv.failure('write', 'data/a', '{"data":{"p":"hunter2"},"options":{"cas":1}}')).toMatchObject(mismatch);
    await kv.call('write', 'data/a', '{"data":{"p":1},"options":{"cas":0}}');
    expect(await kv.failure('write', 'data/a', '{"data":{"p":"hunter2"},"options":{"cas":0}}')).toMatchObject(mismatch);
    expect(
      await kv.failure('write', 'data/a', '{"data":{"p":"hunter2"},"options":{"cas":null}}'),
      'as Vault',
    ).toMatchObject(mismatch);
    await kv.call('write', 'data/a', '{"data":{"p":2},"options":{"cas":"1"}}');
    expect(await kv.failure('patch', 'data/a', '{"data":{"p":"hunter2"},"options":{"cas":1}}')).toMatchObject(mismatch);
    expect(await kv.data('patch', 'data/a', '{"data":{"p":3},"options":{"cas":2}}')).toMatchObject({ version: 3 });
  });

  it.each(['config', 'metadata/a'])('is required where %s says so', async (place) => {
    const kv = mount('2');
    await kv.call('write', place, '{"cas_required":true}');
    expect(await kv.failure('write', 'data/a', '{"data":{"p":"hunter2"}}')).toMatchObject(required);
    expect(await kv.failure('write', 'data/a', '{"data":{"p":"hunter2"},"options":{}}')).toMatchObject(required);
    await kv.call('write', 'data/a', '{"data":{"p":1},"options":{"cas":0}}');
    expect(await kv.failure('patch', 'data/a', '{"data":{"p":"hunter2"}}')).toMatchObject(required);
    await kv.call('write', place, '{"cas_required":"false"}');
    expect(await kv.data('write', 'data/a', '{"data":{"p":2}}')).toMatchObject({ version: 2 });
  });
});
