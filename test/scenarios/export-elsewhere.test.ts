import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStand, type Stand } from '../support/store.ts';

const MOUNTS = ['one', 'two'] as const;

/** Of a secret below two/: what makes it. */
const SECRETS: readonly (readonly [path: string, ...commands: readonly (readonly string[])[]])[] = [
  [
    'settings',
    [
      'metadata',
      'put',
      '-max-versions=5',
      '-delete-version-after=768h30m',
      '-custom-metadata=owner=ada',
      '-custom-metadata=é=ü "',
    ],
    ['put', 'a=1'],
    ['put', 'a=2'],
    ['put', 'a=3'],
    ['destroy', '-versions=1'],
    ['delete', '-versions=2'],
    ['metadata', 'patch', '-cas-required'],
  ],
  ['deleted', ['put', 'a=1'], ['delete']],
  ['back', ['put', 'a=1'], ['delete'], ['undelete', '-versions=1']],
  ['destroyed', ['put', 'a=1'], ['put', 'a=2'], ['destroy', '-versions=1,2']],
  ['metadata alone', ['metadata', 'put', '-custom-metadata=for=later', '-max-versions=3']],
  ['few', ['metadata', 'put', '-max-versions=2'], ['put', 'a=1'], ['put', 'a=2'], ['put', 'a=3'], ['put', 'a=4']],
  ['gone-first', ['put', 'a=1'], ['delete', '-versions=1'], ['put', 'a=2']],
  ['never-ends', ['metadata', 'put', '-delete-version-after=-1s'], ['put', 'a=1']],
  ['a/folder', ['put', 'a=1']],
  ['a', ['put', 'a=1']],
  ['ключ 😀/%2F #', ['put', 'a=@lines']],
];

describe('what kv export -versions wrote', () => {
  let from: Stand;
  let to: Stand;
  const file = (stand: Stand, name: string): string => readFileSync(join(stand.dir, name), 'utf8');

  beforeAll(() => {
    from = makeStand();
    to = makeStand({ label: 'elsewhere', pin: 'other-4711', entropy: false });
    for (const stand of [from, to]) {
      stand.open();
      for (const mount of MOUNTS)
        stand.ok('secrets', 'enable', `-path=${mount}`, `-version=${mount === 'one' ? 1 : 2}`, 'kv');
    }
    from.write('lines', 'first\nsecond\u0000\u001b');
    from.write('numbers.json', '{"n": 1.50, "long": 12345678901234567890, "none": null, "list": [{}, []]}');
    from.ok('kv', 'put', 'one/b/c', '@numbers.json');
    from.ok('kv', 'put', 'two/numbers', '@numbers.json');
    for (const [path, ...commands] of SECRETS)
      for (const [verb = '', ...rest] of commands) {
        const flags = rest.filter((word) => word.startsWith('-') || ['put', 'patch'].includes(word));
        const data = rest.filter((word) => !flags.includes(word));
        from.ok('kv', verb, ...flags, `two/${path}`, ...data);
      }
    from.ok('kv', 'export', '-versions', 'all.ndjson');
    to.write('all.ndjson', file(from, 'all.ndjson'));
  }, 120_000);
  afterAll(() => {
    from.remove();
    to.remove();
  });

  const metadataOf = (stand: Stand, path: string): unknown =>
    (JSON.parse(stand.ok('kv', 'metadata', 'get', '-format=json', `two/${path}`)) as { data: unknown }).data;

  it('is shown by -dry-run as new, and -dry-run brings nothing', () => {
    const { secrets, ...tally } = JSON.parse(to.ok('kv', 'import', '-dry-run', '-format=json', 'all.ndjson')) as {
      secrets: { path: string; change: string }[];
    };
    expect(tally).toEqual({ new: SECRETS.length + 2, changed: 0, unchanged: 0 });
    expect(secrets.map(({ path, change }) => `${path} ${change}`).sort()).toEqual(
      [...SECRETS.map(([path]) => `two/${path}`), 'one/b/c', 'two/numbers'].map((path) => `${path} new`).sort(),
    );
    expect(to.run(['kv', 'export', '-versions', '-'])).toMatchObject({ status: 0, stdout: '' });
  });

  it('comes into an empty store of another token, whose export is the same byte for byte', () => {
    expect(to.ok('kv', 'import', 'all.ndjson')).toContain(`${SECRETS.length + 2} new, 0 changed, 0 unchanged`);
    to.ok('kv', 'export', '-versions', 'again.ndjson');
    expect(file(to, 'again.ndjson')).toBe(file(from, 'all.ndjson'));
    expect(to.ok('operator', 'verify')).toContain('Every row is the one that was written last');
  });

  it('has every setting, time and mark', () => {
    for (const [path] of SECRETS) expect(metadataOf(to, path), path).toEqual(metadataOf(from, path));
    expect(metadataOf(to, 'settings')).toMatchObject({
      cas_required: true,
      current_version: 3,
      custom_metadata: { owner: 'ada', é: 'ü "' },
      delete_version_after: '768h30m0s',
      max_versions: 5,
      versions: { 1: { destroyed: true }, 2: { destroyed: false }, 3: { destroyed: false } },
    });
    expect(metadataOf(to, 'few')).toMatchObject({ oldest_version: 3, current_version: 4 });
  });

  it('has the data of every version, of deleted ones when they are undeleted', () => {
    const both = (...args: string[]): void => {
      const [there, here] = [from, to].map((stand) => stand.run(args));
      expect(here, args.join(' ')).toEqual(there);
    };
    for (const [path] of SECRETS)
      for (let version = 0; version <= 4; version++)
        both('kv', 'get', '-format=yaml', '-field=data', `-version=${version}`, `two/${path}`);
    both('kv', 'undelete', '-versions=2', 'two/settings');
    both('kv', 'get', '-field=a', '-version=2', 'two/settings');
    expect(to.ok('kv', 'get', '-field=a', '-version=2', 'two/settings')).toBe('2');
    // What was required there is required here.
    both('kv', 'put', 'two/settings', 'a=4');
    expect(to.run(['kv', 'put', 'two/settings', 'a=4']).status).toBe(2);
    expect(to.run(['kv', 'put', '-cas=3', 'two/settings', 'a=4']).status).toBe(0);
  });

  it('is not bent by settings of the mount that it comes into', () => {
    to.ok('secrets', 'enable', '-path=strict', '-version=2', 'kv');
    to.ok('write', 'strict/config', 'max_versions=1', 'cas_required=true', 'delete_version_after=1s');
    const lines = file(from, 'all.ndjson')
      .split('\n')
      .filter((line) => line.includes('"path":"two/few"'));
    const renamed = lines.join('\n').replace('"two/few"', '"few"');
    expect(to.run(['kv', 'import', '-mount=strict', '-'], { input: renamed })).toMatchObject({ status: 0 });
    expect(to.ok('kv', 'export', '-mount=strict', '-versions', '-')).toBe(`${renamed}\n`);
    expect(to.ok('kv', 'get', '-field=a', '-version=3', 'strict/few')).toBe('3');
  });
});
