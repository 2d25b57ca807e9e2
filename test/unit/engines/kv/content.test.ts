import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../../src/bytes.ts';
import { mount } from './support.ts';

/** `{"data":DATA, ...` as version 2 answers, up to the metadata. */
async function written(content: string): Promise<string> {
  const kv = mount('2');
  await kv.call('write', 'data/a', `{"data":${content}}`);
  return contentOf(await kv.ask('read', 'data/a'));
}

function contentOf(answer: string | null): string {
  return /^\{"data":(.*),"metadata":\{[^}]*\}\}$/s.exec(answer ?? '')?.[1] ?? `not an answer: ${answer ?? 'null'}`;
}

const DOCUMENTS = [
  '{"n":12345678901234567890}',
  '{"n":1e400}',
  '{"n":-0}',
  '{"n":1.10}',
  '{"n":0.1000000000000000055511151231257827}',
  '{"n":[1E+2,{"m":-123456789012345678901234567890}]}',
  '{"":"","ü":"\u{1F511}","b":null,"c":true,"d":false,"e":[],"f":{}}',
  '{"__proto__":{"polluted":"yes"},"constructor":"x","toString":1}',
  '{"a":{"__proto__":1}}',
  '{"a":[{"__proto__":null}]}',
  '{"tab":"\\t\\"\\\\\\u0000"}',
];

describe('content', () => {
  it.each(DOCUMENTS)('version 2 gives back %s to the digit', async (text) => {
    expect(await written(text)).toBe(text);
  });

  it.each(DOCUMENTS)('version 1 gives back %s to the digit', async (text) => {
    const kv = mount('1');
    await kv.call('write', 'a', text);
    expect(await kv.ask('read', 'a')).toBe(text);
  });

  it('does not reach the prototype of anything', async () => {
    await written('{"__proto__":{"polluted":"yes"}}');
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"x":{}}}');
    await kv.call(
      'patch',
      'data/a',
      '{"data":{"x":{"__proto__":{"polluted":"yes"}},"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":1}}}}',
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(contentOf(await kv.ask('read', 'data/a'))).toBe(
      '{"x":{"__proto__":{"polluted":"yes"}},"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":1}}}',
    );
  });

  it('may be an empty object in version 2', async () => {
    expect(await written('{}')).toBe('{}');
  });
});

/** RFC 7396 appendix A, those rows whose target and patch are objects: kv has no other. */
const RFC_7396 = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  // Beyond the appendix.
  ['{"a":{"b":1,"c":2}}', '{"a":{"b":null}}', '{"a":{"c":2}}'],
  ['{"a":1}', '{"a":{"b":null,"c":1}}', '{"a":{"c":1}}'],
  ['{"a":{"b":1}}', '{"a":[null]}', '{"a":[null]}'],
  ['{"n":12345678901234567890}', '{"m":1.10}', '{"n":12345678901234567890,"m":1.10}'],
  ['{"a":1}', '{"__proto__":null}', '{"a":1}'],
  ['{"__proto__":1,"a":1}', '{"__proto__":null}', '{"a":1}'],
  ['{"a":1}', '{"toString":{"b":1}}', '{"a":1,"toString":{"b":1}}'],
] as const;

describe('patch (RFC 7396)', () => {
  it.each(RFC_7396)('%s with %s is %s', async (target, patch, result) => {
    const kv = mount('2');
    await kv.call('write', 'data/a', `{"data":${target}}`);
    expect(await kv.data('patch', 'data/a', `{"data":${patch}}`)).toMatchObject({ version: 2 });
    expect(contentOf(await kv.ask('read', 'data/a'))).toBe(result);
    expect(contentOf(await kv.ask('read', 'data/a', '{"version":1}')), 'the version before').toBe(target);
  });

  it('has nothing to change where there is no secret, or its newest version is deleted or destroyed', async () => {
    const kv = mount('2');
    expect(await kv.ask('patch', 'data/a', '{"data":{"a":1}}')).toBeNull();
    await kv.call('write', 'metadata/a', '{"max_versions":3}');
    expect(await kv.ask('patch', 'data/a', '{"data":{"a":1}}'), 'metadata alone').toBeNull();
    await kv.call('write', 'data/a', '{"data":{"a":1}}');
    await kv.call('delete', 'data/a');
    expect(await kv.ask('patch', 'data/a', '{"data":{"a":1}}'), 'deleted').toBeNull();
    await kv.call('write', 'undelete/a', '{"versions":[1]}');
    await kv.call('write', 'destroy/a', '{"versions":[1]}');
    expect(await kv.ask('patch', 'data/a', '{"data":{"a":1}}'), 'destroyed').toBeNull();
    expect(await kv.data('read', 'metadata/a')).toMatchObject({ current_version: 1 });
  });
});

describe('subkeys', () => {
  const content = '{"a":{"b":{"c":1,"d":[{"e":1}]},"f":{}},"g":"x","__proto__":{"h":1}}';
  const shape = async (request: string): Promise<string> => {
    const kv = mount('2');
    await kv.call('write', 'data/a', `{"data":${content}}`);
    return /^\{"subkeys":(.*),"metadata":/s.exec((await kv.ask('read', 'subkeys/a', request)) ?? '')?.[1] ?? '';
  };

  it.each([
    ['{}', '{"a":{"b":{"c":null,"d":null},"f":null},"g":null,"__proto__":{"h":null}}'],
    ['{"depth":0}', '{"a":{"b":{"c":null,"d":null},"f":null},"g":null,"__proto__":{"h":null}}'],
    ['{"depth":1}', '{"a":null,"g":null,"__proto__":null}'],
    ['{"depth":"2"}', '{"a":{"b":null,"f":null},"g":null,"__proto__":{"h":null}}'],
    ['{"depth":9}', '{"a":{"b":{"c":null,"d":null},"f":null},"g":null,"__proto__":{"h":null}}'],
  ])('with %s are %s', async (request, expected) => {
    expect(await shape(request)).toBe(expected);
  });

  it('are those of a version, null when it is deleted, and nothing where there is none', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"one":1}}');
    await kv.call('write', 'data/a', '{"data":{"two":1}}');
    expect(await kv.data('read', 'subkeys/a', '{"version":1}')).toMatchObject({
      subkeys: { one: null },
      metadata: { version: 1 },
    });
    await kv.call('delete', 'data/a');
    expect(await kv.data('read', 'subkeys/a')).toMatchObject({ subkeys: null, metadata: { version: 2 } });
    expect(await kv.ask('read', 'subkeys/a', '{"version":3}')).toBeNull();
    expect(await kv.ask('read', 'subkeys/none')).toBeNull();
  });
});

describe('a row that is not what coffer writes', () => {
  it.each([
    { version: '1', row: ['secrets', 'a'], path: 'a', name: 'kv/a' },
    { version: '2', row: ['versions', 'a', '1'], path: 'data/a', name: 'kv/a (version 1)' },
  ] as const)('is an integrity error in version $version', async ({ version, row, path, name }) => {
    const kv = mount(version);
    await kv.call('write', path, version === '1' ? '{"a":1}' : '{"data":{"a":1}}');
    kv.plant(row, utf8('["hunter2"]'));
    expect(await kv.failure('read', path)).toMatchObject({
      code: 'value_malformed',
      exitStatus: 4,
      message: `the stored value of ${name} is not what coffer writes there`,
    });
  });

  it('is one too where the row of a version is gone', async () => {
    const kv = mount('2');
    await kv.call('write', 'data/a', '{"data":{"a":1}}');
    kv.plant(['versions', 'a', '1'], null);
    expect(await kv.failure('read', 'data/a')).toMatchObject({ code: 'value_malformed', exitStatus: 4 });
  });
});
