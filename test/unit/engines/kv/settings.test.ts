import { describe, expect, it } from 'vitest';
import { mount, START } from './support.ts';
import { time } from './model.ts';

describe('metadata of a secret', () => {
  it('may be written before there is a version', async () => {
    const kv = mount('2');
    await kv.call(
      'write',
      'metadata/a',
      '{"max_versions":"5","cas_required":"true","delete_version_after":"90m","custom_metadata":{"owner":"ada","__proto__":"x"}}',
    );
    kv.now += 1000;
    expect(await kv.ask('read', 'metadata/a')).toBe(
      `{"cas_required":true,"created_time":"${time(START)}","current_version":0,"custom_metadata":{"owner":"ada","__proto__":"x"},` +
        `"delete_version_after":"1h30m0s","max_versions":5,"oldest_version":0,"updated_time":"${time(START)}","versions":{}}`,
    );
    expect(await kv.ask('read', 'data/a')).toBeNull();
    expect(await kv.data('list', 'metadata')).toEqual({ keys: ['a'] });
    expect(await kv.ask('delete', 'data/a'), 'no version to delete').toBe('null');
  });

  it('write replaces the remarks and leaves what is not given', async () => {
    const kv = mount('2');
    await kv.call('write', 'metadata/a', '{"max_versions":5,"custom_metadata":{"owner":"ada","team":"x"}}');
    kv.now += 1000;
    await kv.call('write', 'metadata/a', '{"cas_required":true,"custom_metadata":{"owner":"grace"}}');
    expect(await kv.data('read', 'metadata/a')).toMatchObject({
      max_versions: 5,
      cas_required: true,
      custom_metadata: { owner: 'grace' },
      created_time: time(START),
      updated_time: time(START + 1000),
    });
  });

  it('patch merges the remarks, and null takes one away or all of them', async () => {
    const kv = mount('2');
    await kv.call('write', 'metadata/a', '{"custom_metadata":{"owner":"ada","team":"x"}}');
    await kv.call('patch', 'metadata/a', '{"custom_metadata":{"team":null,"none":null,"new":"y"}}');
    expect(await kv.data('read', 'metadata/a')).toMatchObject({ custom_metadata: { owner: 'ada', new: 'y' } });
    await kv.call('patch', 'metadata/a', '{"custom_metadata":null}');
    expect(await kv.data('read', 'metadata/a')).toMatchObject({ custom_metadata: null });
  });

  it('takes null for the default, in a patch and in a write, of the mount too', async () => {
    const kv = mount('2');
    const all = '{"max_versions":5,"cas_required":true,"delete_version_after":"1h"}';
    const none = '{"max_versions":null,"cas_required":null,"delete_version_after":null}';
    const defaults = { max_versions: 0, cas_required: false, delete_version_after: '0s' };
    for (const [operation, path] of [
      ['patch', 'metadata/a'],
      ['write', 'metadata/a'],
      ['write', 'config'],
    ] as const) {
      await kv.call('write', path, all);
      expect(await kv.data('read', path)).toMatchObject({ max_versions: 5, cas_required: true });
      await kv.call(operation, path, none);
      expect(await kv.data('read', path), `${operation} ${path}`).toMatchObject(defaults);
    }
  });

  it('patch needs a secret', async () => {
    const kv = mount('2');
    expect(await kv.ask('patch', 'metadata/a', '{"max_versions":1}')).toBeNull();
    expect(kv.rows()).toEqual([]);
  });

  it('goes along with every version that is read', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{}}');
    await kv.call('write', 'metadata/a', '{"custom_metadata":{"owner":"ada"}}');
    expect(await kv.data('read', 'data/a')).toMatchObject({ metadata: { custom_metadata: { owner: 'ada' } } });
  });

  const long = (length: number): string => 'hunter2'.padEnd(length, 'x');
  const many = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 'v'])));

  it.each([
    { title: '64 of them', custom: many(64) },
    { title: 'a name of 128 bytes', custom: JSON.stringify({ [long(128)]: 'v' }) },
    { title: 'a name of 64 letters of two bytes', custom: JSON.stringify({ ['é'.repeat(64)]: 'v' }) },
    { title: 'a value of 512 bytes', custom: JSON.stringify({ k: long(512) }) },
    { title: 'a value of 128 letters of four bytes', custom: JSON.stringify({ k: '\u{1F511}'.repeat(128) }) },
    { title: 'letters, marks, numbers, punctuation, symbols, spaces', custom: '{"e\u0301 Ω":"١ «x», €"}' },
  ])('takes remarks up to the limits: $title', async ({ custom }) => {
    const kv = mount('2');
    await kv.call('write', 'metadata/a', `{"custom_metadata":${custom}}`);
    expect(await kv.data('read', 'metadata/a')).toMatchObject({ custom_metadata: JSON.parse(custom) as unknown });
  });

  it.each([
    { title: '65 of them', custom: many(65), why: 'it has at most 64 keys' },
    { title: 'a name of 129 bytes', custom: JSON.stringify({ [long(129)]: 'v' }), why: 'a key has 1 to 128 bytes' },
    {
      title: 'a name of 65 letters of two bytes',
      custom: JSON.stringify({ ['é'.repeat(65)]: 'v' }),
      why: 'a key has 1 to 128 bytes',
    },
    { title: 'an empty name', custom: '{"":"v"}', why: 'a key has 1 to 128 bytes' },
    {
      title: 'a value of 513 bytes',
      custom: JSON.stringify({ k: long(513) }),
      why: 'the value of "k" must have 1 to 512 bytes',
    },
    {
      title: 'a value of 129 letters of four bytes',
      custom: JSON.stringify({ k: '\u{1F511}'.repeat(129) }),
      why: 'the value of "k" must have 1 to 512 bytes',
    },
    { title: 'an empty value', custom: '{"k":""}', why: 'the value of "k" must have 1 to 512 bytes' },
    { title: 'a line break', custom: '{"k":"a\\nb"}', why: 'the value of "k" has unprintable characters' },
    { title: 'a no-break space', custom: '{"k":"a\u00a0b"}', why: 'the value of "k" has unprintable characters' },
    { title: 'a zero-width space', custom: '{"k":"a\u200bb"}', why: 'the value of "k" has unprintable characters' },
    { title: 'half a character', custom: '{"k":"\\ud83d"}', why: 'the value of "k" has unprintable characters' },
    { title: 'a tab in a name', custom: '{"a\\tb":"v"}', why: 'the key "a\\tb" has unprintable characters' },
    { title: 'a list', custom: '["hunter2"]', why: 'it must be an object' },
    { title: 'a text', custom: '"hunter2"', why: 'it must be an object' },
    { title: 'an object in it', custom: '{"k":{"hunter2":1}}', why: 'the value of "k" is not text' },
    { title: 'a list in it', custom: '{"k":["hunter2"]}', why: 'the value of "k" is not text' },
  ])('refuses remarks: $title', async ({ custom, why }) => {
    for (const operation of ['write', 'patch'] as const) {
      const kv = mount('2');
      await kv.call('write', 'metadata/a', '{"max_versions":1}');
      const failure = await kv.failure(operation, 'metadata/a', `{"max_versions":9,"custom_metadata":${custom}}`);
      expect(failure).toMatchObject({ code: 'bad_parameter', exitStatus: 1, message: `custom_metadata: ${why}` });
      expect(await kv.data('read', 'metadata/a'), 'nothing is changed').toMatchObject({
        max_versions: 1,
        custom_metadata: null,
      });
    }
  });
});

describe('config of the mount', () => {
  it('begins with zeros and keeps what is not given', async () => {
    const kv = mount('2');
    expect(await kv.ask('read', 'config')).toBe('{"cas_required":false,"delete_version_after":"0s","max_versions":0}');
    await kv.call('write', 'config', '{"max_versions":7}');
    await kv.call('write', 'config', '{"cas_required":true,"delete_version_after":3600}');
    expect(await kv.ask('read', 'config')).toBe(
      '{"cas_required":true,"delete_version_after":"1h0m0s","max_versions":7}',
    );
    await kv.call('write', 'config', '{"cas_required":false,"delete_version_after":0,"max_versions":0}');
    expect(await kv.ask('read', 'config')).toBe('{"cas_required":false,"delete_version_after":"0s","max_versions":0}');
  });
});

describe('list', () => {
  it.each(['1', '2'] as const)(
    'gives names in the order of their bytes, a folder with its slash (version %s)',
    async (version) => {
      const kv = mount(version);
      const paths = ['b', 'a/x', 'a', 'a-prod', 'a0', 'a b/c', 'Z', 'é', '\ue000', '😀', 'a/y/z'];
      for (const path of paths)
        await kv.call('write', version === '1' ? path : `data/${path}`, version === '1' ? '{"k":1}' : '{"data":{}}');
      const at = (folder: string): string =>
        [version === '1' ? '' : 'metadata', folder].filter((part) => part !== '').join('/');
      expect(await kv.data('list', at(''))).toEqual({
        keys: ['Z', 'a', 'a b/', 'a-prod', 'a/', 'a0', 'b', 'é', '\ue000', '😀'],
      });
      expect(await kv.data('list', at('a'))).toEqual({ keys: ['x', 'y/'] });
      expect(await kv.ask('list', at('b'))).toBeNull();
      expect(await kv.ask('list', at('none'))).toBeNull();
    },
  );

  it('of version 2 names a secret whose versions are all deleted or destroyed', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{}}');
    await kv.call('write', 'destroy/a', '{"versions":[1]}');
    expect(await kv.data('list', 'metadata')).toEqual({ keys: ['a'] });
  });
});

describe('version 1', () => {
  it('replaces, deletes, and tells how often to look again', async () => {
    const kv = mount('1');
    await kv.call('write', 'a', '{"x":1,"y":2}');
    await kv.call('write', 'a', '{"x":3}');
    expect(await kv.call('read', 'a')).toMatchObject({ leaseDuration: 2_764_800, warnings: [] });
    expect(await kv.data('read', 'a')).toEqual({ x: 3 });
    await kv.call('delete', 'a');
    expect(await kv.ask('read', 'a')).toBeNull();
    expect(await kv.ask('delete', 'a')).toBe('null');
    expect(kv.rows()).toEqual([]);
  });
});

const SECRET = 'hunter2';

describe('bad requests say what is wrong without the value, and change nothing', () => {
  it.each([
    ['write', 'data/a', '{}', 1, 'no_data', '"data" must be an object with the keys of the secret'],
    ['write', 'data/a', `{"data":"${SECRET}"}`, 1, 'no_data', '"data" must be an object with the keys of the secret'],
    ['write', 'data/a', `{"data":["${SECRET}"]}`, 1, 'no_data', '"data" must be an object with the keys of the secret'],
    ['write', 'data/a', '{"data":12}', 1, 'no_data', '"data" must be an object with the keys of the secret'],
    ['write', 'data/a', '{"data":null}', 1, 'no_data', '"data" must be an object with the keys of the secret'],
    ['patch', 'data/a', `{"data":"${SECRET}"}`, 1, 'no_data', '"data" must be an object with the keys of the secret'],
    ['write', 'data/a', `{"data":{"p":"${SECRET}"},"options":"cas"}`, 1, 'bad_data', 'options must be an object'],
    [
      'write',
      'data/a',
      `{"data":{"p":"${SECRET}"},"options":{"cas":-1}}`,
      1,
      'bad_parameter',
      'cas must be a whole number of at least 0',
    ],
    [
      'write',
      'data/a',
      `{"data":{"p":"${SECRET}"},"options":{"cas":1.0}}`,
      1,
      'bad_parameter',
      'cas must be a whole number of at least 0',
    ],
    [
      'write',
      'data/a',
      `{"data":{"p":"${SECRET}"},"options":{"cas":99999999999999999999}}`,
      1,
      'bad_parameter',
      'cas must be a whole number of at least 0',
    ],
    [
      'write',
      'data/a',
      `{"data":{"p":"${SECRET}"},"options":{"cas":[0]}}`,
      1,
      'bad_parameter',
      'cas must be a whole number of at least 0',
    ],
    ['read', 'data/a', '{"version":-1}', 1, 'bad_parameter', 'version must be a whole number of at least 0'],
    ['read', 'data/a', '{"version":"v1"}', 1, 'bad_parameter', 'version must be a whole number of at least 0'],
    ['read', 'subkeys/a', '{"depth":-1}', 1, 'bad_parameter', 'depth must be a whole number of at least 0'],
    ['read', 'subkeys/a', '{"version":{}}', 1, 'bad_parameter', 'version must be a whole number of at least 0'],
    ['write', 'delete/a', '{}', 1, 'bad_parameter', 'no version is named'],
    ['write', 'config', '{"max_versions":""}', 1, 'bad_parameter', 'max_versions is empty'],
    ['write', 'metadata/a', '{"cas_required":""}', 1, 'bad_parameter', 'cas_required is empty'],
    ['write', 'metadata/a', '{"delete_version_after":""}', 1, 'bad_parameter', 'delete_version_after is empty'],
    ['write', 'undelete/a', '{"versions":[]}', 1, 'bad_parameter', 'no version is named'],
    ['write', 'destroy/a', '{"versions":""}', 1, 'bad_parameter', 'no version is named'],
    ['write', 'destroy/a', '{"versions":[1,0]}', 1, 'bad_parameter', 'versions must be a whole number of at least 1'],
    ['write', 'destroy/a', '{"versions":"1,,2"}', 1, 'bad_parameter', 'versions must be whole numbers, e.g. 1,2'],
    ['write', 'destroy/a', '{"versions":[1,[2]]}', 1, 'bad_parameter', 'versions must be a whole number of at least 1'],
    [
      'write',
      'metadata/a',
      '{"max_versions":-1}',
      1,
      'bad_parameter',
      'max_versions must be a whole number of at least 0',
    ],
    ['write', 'metadata/a', '{"cas_required":"yes"}', 1, 'bad_parameter', 'cas_required must be true or false'],
    [
      'patch',
      'metadata/a',
      '{"delete_version_after":"soon"}',
      1,
      'bad_parameter',
      'delete_version_after must be a duration, e.g. 30m or 720h',
    ],
    [
      'write',
      'config',
      '{"max_versions":"many"}',
      1,
      'bad_parameter',
      'max_versions must be a whole number of at least 0',
    ],
    [
      'write',
      'config',
      '{"delete_version_after":[1]}',
      1,
      'bad_parameter',
      'delete_version_after must be a duration, e.g. 30m or 720h',
    ],
    ['read', 'data', '{}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['write', 'data', '{"data":{}}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['patch', 'data', '{"data":{}}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['delete', 'data', '{}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['read', 'metadata', '{}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['delete', 'metadata', '{}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['write', 'destroy', '{"versions":[1]}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['read', 'subkeys', '{}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['read', '', '{}', 2, 'unsupported_path', 'the kv engine at kv/ does not read its own path'],
    ['list', '', '{}', 2, 'unsupported_path', 'the kv engine at kv/ does not list its own path'],
    ['read', 'other/a', '{}', 2, 'unsupported_path', 'the kv engine at kv/ does not read "other/a"'],
    ['read', 'config/a', '{}', 2, 'unsupported_path', 'the kv engine at kv/ does not read "config/a"'],
    ['list', 'data/a', '{}', 2, 'unsupported_path', 'the kv engine at kv/ does not list "data/a"'],
    ['patch', 'config', '{}', 2, 'unsupported_path', 'the kv engine at kv/ does not patch "config"'],
    ['delete', 'subkeys/a', '{}', 2, 'unsupported_path', 'the kv engine at kv/ does not delete "subkeys/a"'],
  ] as const)('version 2: %s %s %s', async (...[operation, path, data, exitStatus, code, message]) => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"before":1}}');
    const before = await kv.ask('read', 'metadata/a');
    const failure = await kv.failure(operation, path, data);
    expect(failure).toMatchObject({ code, exitStatus, message });
    expect(JSON.stringify(failure)).not.toContain(SECRET);
    expect(await kv.ask('read', 'metadata/a')).toBe(before);
    expect(kv.rows()).toHaveLength(2);
  });

  it.each([
    ['write', 'a', '{}', 1, 'no_data', 'there is nothing to write'],
    ['read', '', '{}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['write', '', `{"p":"${SECRET}"}`, 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['delete', '', '{}', 1, 'missing_path', 'the path names a mount, but no secret in it'],
    ['patch', 'a', `{"p":"${SECRET}"}`, 2, 'unsupported_path', 'the kv engine at kv/ does not patch "a"'],
  ] as const)('version 1: %s "%s" %s', async (...[operation, path, data, exitStatus, code, message]) => {
    const kv = mount('1');
    const failure = await kv.failure(operation, path, data);
    expect(failure).toMatchObject({ code, exitStatus, message });
    expect(JSON.stringify(failure)).not.toContain(SECRET);
    expect(kv.rows()).toEqual([]);
  });

  it('lists what the engine answers to where it has no such path', async () => {
    expect((await mount('1').failure('patch', 'a')).hint).toBe('it answers to:\n  kv/PATH (read, write, list, delete)');
    expect((await mount('2').failure('read', 'x')).hint?.split('\n')).toEqual([
      'it answers to:',
      '  kv/data/PATH (read, write, patch, delete)',
      '  kv/subkeys/PATH (read)',
      '  kv/delete/PATH (write)',
      '  kv/undelete/PATH (write)',
      '  kv/destroy/PATH (write)',
      '  kv/metadata/PATH (read, write, patch, list, delete)',
      '  kv/config (read, write)',
    ]);
  });
});
