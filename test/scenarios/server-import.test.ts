import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseJson, stringifyJson } from '../../src/json.ts';
import { makeStand } from '../support/store.ts';
import { type ServerContents, startVaultServer, type StoredMount, type VaultServer } from '../support/vault-server.ts';
import { importer, one } from '../support/server-import.ts';

const EMPTY: ServerContents = { mounts: {} };

describe('an import from a running server', () => {
  const stand = makeStand();
  let server: VaultServer;
  beforeAll(async () => {
    stand.open();
    stand.ok('secrets', 'enable', '-path=one', '-version=1', 'kv');
    stand.ok('secrets', 'enable', '-path=two', '-version=2', 'kv');
    server = await startVaultServer(EMPTY);
  });
  afterEach(() => {
    server.contents = EMPTY;
    server.misdeed = () => false;
    server.requests.length = 0;
  });
  afterAll(async () => {
    await server.close();
    stand.remove();
  });
  const run = importer(stand, () => server);

  /** What a folder has, by path, as `kv export -versions` writes it. */
  const exported = (mount: string): Record<string, unknown> => {
    const lines = stand.ok('kv', 'export', `-mount=${mount}`, '-versions', '-').trimEnd().split('\n');
    return Object.fromEntries(
      lines.map((line) => {
        const { path, ...secret } = JSON.parse(line) as { path: string };
        return [path, secret];
      }),
    );
  };
  const asked = (): string[] => server.requests.map(({ line }) => line);

  const TEAM: StoredMount = {
    version: 2,
    secrets: {
      app: {
        metadata: {
          created_time: '2025-01-02T03:04:05.678901234Z',
          updated_time: '2025-06-02T03:04:05Z',
          custom_metadata: { owner: 'ops' },
          max_versions: 7,
          cas_required: true,
          delete_version_after: '768h0m0s',
        },
        versions: {
          2: { data: { n: 2 }, created_time: '2025-02-02T03:04:05Z' },
          3: { data: { n: 3 }, created_time: '2025-03-02T03:04:05Z', deletion_time: '2025-04-02T03:04:05Z' },
          4: { created_time: '2025-04-02T03:04:05Z', destroyed: true },
          5: { data: { n: 5 }, created_time: '2025-05-02T03:04:05Z', deletion_time: '2999-01-01T00:00:00Z' },
        },
      },
      'app/inner': { versions: { 1: { data: { inner: 'yes' } } } },
      gone: { versions: { 1: { data: { a: 1 } }, 2: { data: { a: 2 }, deletion_time: '2025-04-02T03:04:05Z' } } },
      bare: { metadata: { custom_metadata: { note: 'no version yet' } } },
      null: { versions: { 1: { data: null } } },
    },
  };

  it('brings all versions under their numbers, with times, marks, remarks and settings', async () => {
    server.contents = { mounts: { 'kv/prod': TEAM } };
    const { status, stdout, stderr } = await run(['-versions', 'kv/prod', 'two/all']);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'Success! Imported 5 secrets: 5 new, 0 changed, 0 unchanged\n',
    });
    expect(stderr.split('\n')).toEqual([
      'warning: the data of deleted versions stays at the server: app (version 3), gone (version 2)',
      'warning: null at the server, and imported without fields: null',
      '',
    ]);
    const all = exported('two/all');
    expect(Object.keys(all).sort()).toEqual(['app', 'app/inner', 'bare', 'gone', 'null']);
    expect(all['app']).toEqual({
      data: { n: 5 },
      metadata: {
        cas_required: true,
        created_time: '2025-01-02T03:04:05.678Z',
        current_version: 5,
        custom_metadata: { owner: 'ops' },
        delete_version_after: '768h0m0s',
        max_versions: 7,
        oldest_version: 2,
        updated_time: '2025-06-02T03:04:05.000Z',
        versions: {
          2: { created_time: '2025-02-02T03:04:05.000Z', deletion_time: '', destroyed: false },
          3: { created_time: '2025-03-02T03:04:05.000Z', deletion_time: '2025-04-02T03:04:05.000Z', destroyed: true },
          4: { created_time: '2025-04-02T03:04:05.000Z', deletion_time: '', destroyed: true },
          5: { created_time: '2025-05-02T03:04:05.000Z', deletion_time: '2999-01-01T00:00:00.000Z', destroyed: false },
        },
      },
      versions: { 2: { n: 2 }, 5: { n: 5 } },
    });
    expect(all['bare']).toMatchObject({
      data: null,
      metadata: { current_version: 0, custom_metadata: { note: 'no version yet' } },
    });
    expect(all['gone']).toMatchObject({ data: null, versions: { 1: { a: 1 } } });
    expect(all['null']).toMatchObject({ data: {}, versions: { 1: {} } });
    expect(asked().every((line) => line.startsWith('GET '))).toBe(true);

    const again = await run(['-versions', 'kv/prod', 'two/all']);
    expect(again.stdout).toBe('Success! Imported 5 secrets: 0 new, 0 changed, 5 unchanged\n');
    expect(exported('two/all')).toEqual(all);
    expect(stand.ok('operator', 'verify')).toContain('Every row is the one that was written last');
  });

  it('brings the newest version with remarks and settings, where not all are asked for', async () => {
    server.contents = { mounts: { 'kv/prod': TEAM } };
    const { status, stdout } = await run(['-format=json', 'kv/prod', 'two/newest']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      new: 5,
      changed: 0,
      unchanged: 0,
      warnings: [
        'the data of deleted versions stays at the server: gone (version 2)',
        'null at the server, and imported without fields: null',
      ],
    });
    const all = exported('two/newest');
    expect(all['app']).toMatchObject({
      metadata: { current_version: 1, custom_metadata: { owner: 'ops' }, cas_required: true, max_versions: 7 },
      versions: { 1: { n: 5 } },
    });
    expect(all['gone']).toMatchObject({ data: null, metadata: { current_version: 0 }, versions: {} });
    expect(all['bare']).toMatchObject({ data: null, metadata: { custom_metadata: { note: 'no version yet' } } });
    expect((await run(['-cas=0', 'kv/prod', 'two/newest'])).stdout).toContain('0 new, 0 changed, 5 unchanged');
  });

  it('goes from version 1 to either, and from version 2 to version 1 without what that keeps not', async () => {
    server.contents = {
      mounts: { old: { version: 1, secrets: { app: { data: { n: 1 } }, 'app/b': { data: { n: 2 } } } }, new: TEAM },
    };
    for (const to of ['one/from-one', 'two/from-one']) {
      expect(await run(['old', to])).toMatchObject({ status: 0, stderr: '' });
      expect(exported(to)).toMatchObject({ app: { data: { n: 1 } }, 'app/b': { data: { n: 2 } } });
    }
    expect(await run(['-versions', 'old', 'two/as-versions'])).toMatchObject({ status: 0, stderr: '' });
    server.requests.length = 0;
    const { status, stderr, stdout } = await run(['new', 'one/from-two']);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'Success! Imported 2 secrets: 2 new, 0 changed, 0 unchanged\n',
    });
    expect(stderr.split('\n')).toEqual([
      'warning: the data of deleted versions stays at the server: gone (version 2)',
      'warning: left out, since a version 1 kv engine keeps no secret without fields: null',
      'warning: the server lists 1 name that had no data when it was asked for',
      'warning: a version 1 kv engine keeps no metadata; that of 1 secret is left out',
      '',
    ]);
    expect(exported('one/from-two')).toEqual({ app: { data: { n: 5 } }, 'app/inner': { data: { inner: 'yes' } } });
    expect(asked().filter((line) => line.includes('/metadata') && !line.includes('list=true'))).toEqual([]);
  });

  it('asks the server for nothing where the versions have no place to go', async () => {
    server.contents = { mounts: { new: TEAM } };
    const refused = await run(['-versions', 'new', 'one/app']);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain('error: versions need a version 2 kv engine, and one/app is in one of version 1');
    expect(await run(['new', 'nowhere/app'])).toMatchObject({ status: 2 });
    expect(asked()).toEqual([]);
  });

  it('takes any name that a path may have', async () => {
    const names = [
      'a b',
      ' lead',
      'trail ',
      'ä/ö',
      '%2F',
      '100%',
      'a?b#c',
      'a+b&c=d',
      'back\\slash',
      "it's",
      '日本',
      '😀',
      '...',
      '~',
      'a;b,c:d@e',
    ];
    const NAMES = { version: 2, secrets: Object.fromEntries(names.map((name) => [name, one({ name })])) } as const;
    server.contents = { mounts: { 'kv 1/%': NAMES } };
    expect(await run(['kv 1/%', 'two/names'])).toMatchObject({ status: 0, stderr: '' });
    const all = exported('two/names');
    expect(Object.keys(all).sort()).toEqual([...names].sort());
    for (const name of names) expect(all[name]).toMatchObject({ data: { name } });
  });

  it('keeps every character of a value, and every digit', async () => {
    const units = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit)).join('\u0001');
    const body = `{"data":{"big":12345678901234567890,"exact":1.50,"__proto__":{"a":1},"units":${JSON.stringify(units)}}}`;
    server.contents = { mounts: { old: { version: 1, secrets: { all: { data: {} } } } } };
    server.misdeed = (request, response) => {
      if (request.url !== '/v1/old/all') return false;
      response.end(body);
      return true;
    };
    expect(await run(['old', 'two/chars'])).toMatchObject({ status: 0, stderr: '' });
    const read = (field: string): string => stand.ok('kv', 'get', '-format=json', `-field=${field}`, 'two/chars/all');
    expect(stringifyJson(parseJson(read('units')))).toBe(stringifyJson(units));
    expect([read('big'), read('exact')]).toEqual(['12345678901234567890', '1.50']);
    expect(JSON.parse(read('__proto__'))).toEqual({ a: 1 });
  });

  describe('of a list', () => {
    const names = Array.from({ length: 1500 }, (_, at) => `s${String(at).padStart(4, '0')}`);
    const filled = (count: number): StoredMount['secrets'] =>
      Object.fromEntries(names.slice(0, count).map((name) => [name, one({ name })]));
    const lists = (): string[] => asked().filter((line) => line.includes('list=true'));
    let place = 0;
    const comes = async (
      count: number,
      contents: Omit<ServerContents, 'mounts'>,
      version: 1 | 2 = 2,
    ): Promise<void> => {
      server.requests.length = 0;
      const secrets =
        version === 2 ? filled(1500) : Object.fromEntries(names.map((name) => [name, { data: { name } }]));
      server.contents = { ...contents, mounts: { new: { version, secrets } } };
      const { stdout, stderr } = await run(['new', `one/list${place++}`]);
      expect({ stdout, stderr }).toEqual({
        stdout: `Success! Imported ${count} secrets: ${count} new, 0 changed, 0 unchanged\n`,
        stderr: '',
      });
    };

    it('takes all, and looks whether there is more, where a server may have pages', async () => {
      await comes(1500, { pages: true });
      expect(lists()).toHaveLength(2);
      await comes(1500, { pages: false });
      expect(lists()).toHaveLength(2);
      await comes(1500, { pages: true }, 1);
      expect(lists()).toEqual(['GET /v1/new?list=true']);
    });

    it('takes page after page where a policy allows no more at a time', async () => {
      await comes(1500, { pages: true, lists: { limit: 400 } });
      expect(lists()).toHaveLength(5);
      await comes(1500, { pages: true, lists: { limit: 750 } });
      expect(lists()).toHaveLength(3);
      await comes(1500, { pages: true, lists: { limit: 400, isLimitRequired: true } });
      expect(lists()).toHaveLength(6);
      await comes(1500, { pages: true, lists: { limit: 400, isLimitRequired: true } }, 1);
    });

    it('takes what a policy leaves of it, however little that is of a page', async () => {
      await comes(30, { pages: true, lists: { hidden: names.filter((_, at) => at % 50 !== 0) } });
      const odd = names.filter((_, at) => at % 2 === 1);
      await comes(750, { pages: true, lists: { limit: 400, hidden: odd } });
    });

    it('asks a server for each list once, when it has seen that it knows no pages', async () => {
      const secrets = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`f${at}/a`, one()]));
      server.contents = { mounts: { new: { version: 2, secrets } } };
      expect(await run(['new', 'one/folders'])).toMatchObject({ status: 0, stderr: '' });
      expect(lists()).toHaveLength(22);
    });

    it('takes one that is empty and has a warning for empty', async () => {
      server.contents = { mounts: { new: { version: 2, secrets: { a: one() } } } };
      server.misdeed = ({ url = '' }, response) => {
        if (!url.includes('list=true')) return false;
        response.end('{"data": {}, "warnings": ["Endpoint ignored these unrecognized parameters: [after]"]}');
        return true;
      };
      expect(await run(['new', 'two/none'])).toMatchObject({
        status: 0,
        stderr: expect.stringContaining('warning: nothing was done: there is no secret in new at ') as string,
      });
    });
  });

  it('brings what the token may see, names the rest at the end, and ends with 2', async () => {
    const secrets = { a: one(), b: one(), c: one(), 'shut/d': one(), 'open/e': one() };
    server.contents = {
      mounts: { new: { version: 2, secrets } },
      denied: ['new/data/b', 'new/metadata/c', 'new/metadata/shut/'],
    };
    const { status, stdout, stderr } = await run(['new', 'two/denied']);
    expect({ status, stdout }).toEqual({
      status: 2,
      stdout: 'Success! Imported 3 secrets: 3 new, 0 changed, 0 unchanged\n',
    });
    expect(stderr.split('\n')).toEqual([
      'error: the token may not see new/data/b',
      'error: the token may not see new/metadata/c',
      'error: the token may not see new/metadata/shut/',
      'hint: have a policy let it read and list that, and import again: what has come already stays as it is',
      '',
    ]);
    expect(Object.keys(exported('two/denied')).sort()).toEqual(['a', 'c', 'open/e']);
    const versions = await run(['-versions', '-dry-run', '-format=json', 'new', 'two/denied-again']);
    expect(versions.status).toBe(2);
    expect(JSON.parse(versions.stdout)).toMatchObject({
      new: 2,
      secrets: [{ path: 'two/denied-again/a' }, { path: 'two/denied-again/open/e' }],
    });
    expect(JSON.parse(versions.stderr)).toMatchObject({ code: 'server_denied' });
    server.contents = { ...server.contents, denied: ['new/metadata/'] };
    const nothing = await run(['new', 'two/nothing']);
    expect(nothing).toMatchObject({ status: 2, stdout: '' });
    expect(nothing.stderr).toContain('error: the token may not see new/metadata/\n');
  });

  it('writes nothing where something of it has no place', async () => {
    server.contents = { mounts: { new: { version: 2, secrets: { fine: one(), 'ctrl\u0007': one() } } } };
    const { status, stdout, stderr } = await run(['new', 'two/faults']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('warning: nothing was written: new at https://127.0.0.1:');
    expect(stderr).toContain('is not a path: it has a control character');
    expect(stderr).not.toContain('(line');
    expect(stand.run(['kv', 'get', 'two/faults/fine']).status).toBe(2);
    server.contents = { ...server.contents, denied: ['new/data/fine'] };
    const both = await run(['-format=json', 'new', 'two/faults']);
    expect({ status: both.status, stdout: both.stdout }).toEqual({ status: 2, stdout: '' });
    expect(JSON.parse(both.stderr)).toMatchObject({
      code: 'server_denied',
      errors: expect.arrayContaining([
        expect.stringContaining('is not a path: it has a control character'),
        'the token may not see new/data/fine',
      ]) as string[],
    });
  });

  it('lets what was removed or written between list and read be what it is', async () => {
    const before: StoredMount['secrets'] = {
      a: one(),
      b: one(),
      c: { versions: { 1: { data: { n: 1 } }, 2: { data: { n: 2 } } } },
    };
    server.contents = { mounts: { new: { version: 2, secrets: before } } };
    server.misdeed = ({ url = '' }) => {
      if (url.includes('/metadata/b'))
        server.contents = { mounts: { new: { version: 2, secrets: { a: one(), c: before['c'] ?? {} } } } };
      if (url.includes('/data/c?version=1'))
        server.contents = {
          mounts: {
            new: { version: 2, secrets: { c: { versions: { 2: { data: { n: 2 } }, 3: { data: { n: 3 } } } } } },
          },
        };
      return false;
    };
    const { status, stdout, stderr } = await run(['-versions', 'new', 'two/moving']);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'Success! Imported 2 secrets: 2 new, 0 changed, 0 unchanged\n',
    });
    expect(stderr).toBe('warning: the server lists 1 name that had no data when it was asked for\n');
    expect(exported('two/moving')['c']).toMatchObject({ versions: { 2: { n: 2 }, 3: { n: 3 } } });
  });

  it('wants a kv mount, or a folder of one that has something in it', async () => {
    server.contents = {
      mounts: { new: { version: 2, secrets: {} }, other: { version: 1, type: 'cubbyhole', secrets: {} } },
    };
    expect(await run(['new', 'two/none'])).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('warning: nothing was done: there is no secret in new at ') as string,
    });
    expect(await run(['new/folder', 'two/none'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('error: No value found at new/folder/ of ') as string,
    });
    expect(await run(['other', 'two/none'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('is not a kv engine') as string,
    });
    expect(await run(['unknown', 'two/none'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('has no mount at unknown') as string,
    });
    expect(await run(['new/../new', 'two/none'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('are no names') as string,
    });
  });
});
