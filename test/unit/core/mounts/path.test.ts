import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Context, enableMount, listMounts, lookUp, moveMountTo } from '../../../../src/core/index.ts';
import { Barrier, Names } from '../../../../src/barrier/index.ts';
import { viewOf } from '../../../../src/core/mounts/view.ts';
import { withUnsealed } from '../../../../src/core/unsealed/unsealed.ts';
import { dispatch, engineOf } from '../../../../src/engines/index.ts';
import { systemEntropy } from '../../../../src/entropy/index.ts';
import { CofferError } from '../../../../src/errors.ts';
import { type JsonObject, parseJson } from '../../../../src/json.ts';
import { contextOf, makeStand, type Stand } from '../../../support/store.ts';
import { noHsm, platformAlone } from '../../engines/engine-context.ts';
import { realMount } from '../../engines/kv/real.ts';

/** Writes the secret p/../q as it was once possible. */
async function plant(path: string, version: '1' | '2'): Promise<void> {
  const mount = (await listMounts(context)).find((candidate) => candidate.path === path);
  if (mount === undefined) throw new Error(`nothing is mounted at ${path}`);
  await withUnsealed(context, 'write', async (unsealed) => {
    const { keyring } = unsealed.keys;
    const view = viewOf(mount, unsealed, new Barrier(keyring), new Names(keyring.pathKey));
    const content = '{"of":"p/../q"}';
    const request = {
      operation: 'write',
      path: version === '1' ? 'p/../q' : 'data/p/../q',
      data: parseJson(version === '1' ? content : `{"data":${content}}`) as JsonObject,
    } as const;
    const made = { entropy: systemEntropy, externalEntropy: false, random: platformAlone, hsm: noHsm, now: 0 };
    await dispatch(engineOf(mount), { mountPath: path, view, ...made }, request);
  });
}

let stand: Stand;
let context: Context;

beforeAll(async () => {
  stand = makeStand();
  stand.open();
  context = await contextOf(stand);
});
afterAll(() => stand.remove());

describe('a path', () => {
  it.each(['a//b', '/a/b', 'a/b/', '//a///b//'])('%s is a/b', async (path) => {
    const [kv1, kv2] = [await realMount(context, '1'), await realMount(context, '2')];
    await kv1.ask('write', path, '{"n":1}');
    expect(await kv1.data('read', 'a/b')).toEqual({ n: 1 });
    await kv2.ask('write', `data/${path}`, '{"data":{"n":1}}');
    expect(await kv2.data('read', 'data/a/b')).toMatchObject({ data: { n: 1 } });
    expect(await kv2.data('list', `metadata//a/`)).toEqual({ keys: ['b'] });
  });

  it.each(['.', '..', 'p/../q', 'p/./q', 'p/..', './p', '../p', 'p//..//q'])('%s is refused', async (path) => {
    const kv = await realMount(context, '1');
    await kv.ask('write', 'q', '{"n":1}');
    for (const operation of ['read', 'write', 'patch', 'list', 'delete'] as const)
      expect(await kv.refusal(operation, path, '{"n":2}'), operation).toBe('bad_path');
    expect(await kv.data('list', '')).toEqual({ keys: ['q'] });
    expect(await kv.data('read', 'q')).toEqual({ n: 1 });
  });

  it.each(['1', '2'] as const)('that an earlier coffer took can be read and deleted (version %s)', async (version) => {
    const kv = await realMount(context, version);
    const [data, metadata] = version === '1' ? ['', ''] : ['data/', 'metadata/'];
    await plant(kv.path, version);
    await kv.ask('write', `${data}q`, version === '1' ? '{"of":"q"}' : '{"data":{"of":"q"}}');
    const content = { of: 'p/../q' };
    expect(await kv.data('read', `${data}p/../q`)).toMatchObject(version === '1' ? content : { data: content });
    expect(await kv.data('list', `${metadata}p/..`)).toEqual({ keys: ['q'] });
    expect(await kv.refusal('write', `${data}p/../q`, '{"data":{}}')).toBe('bad_path');
    expect(await kv.refusal('patch', `${data}p/../q`, '{"data":{}}')).toBe('bad_path');
    expect(await kv.refusal('delete', `${metadata}p/../../q`)).toBe('bad_path');
    expect(await kv.refusal('delete', `${metadata}p/../q`)).toBeNull();
    expect(await kv.refusal('read', `${data}p/../q`)).toBe('bad_path');
    expect(await kv.data('list', metadata.slice(0, -1)), 'the other one').toEqual({ keys: ['q'] });
  });

  it.each(['...', '.a', 'a.', '..a', 'a..b'])('%s is one', async (path) => {
    const kv = await realMount(context, '1');
    await kv.ask('write', path, '{"n":1}');
    expect(await kv.data('list', '')).toEqual({ keys: [path] });
  });
});

const mountAt = (path: string): Promise<unknown> =>
  enableMount(context, { type: 'kv', path, options: {}, description: '', sealWrap: false, externalEntropy: false });

const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error instanceof CofferError ? error.code : 'no error of coffer'),
  );

describe("a mount's path", () => {
  it.each([
    ['/team-a', 'team-a/'],
    ['team-b//kv', 'team-b/kv/'],
    ['//team-c/kv//', 'team-c/kv/'],
  ])('%s is %s', async (typed, path) => {
    await mountAt(typed);
    expect((await listMounts(context)).map((mount) => mount.path)).toContain(path);
    expect(await lookUp(context, `//${path}/`)).toMatchObject({ path, mount: { path } });
    expect(await codeOf(mountAt(path))).toBe('path_in_use');
  });

  it.each(['', '/', '//', '.', '..', 'a/../b', './a', 'a/.', 'a\tb', '/sys', 'sys//a'])('%j is none', async (path) => {
    const before = await listMounts(context);
    expect(await codeOf(mountAt(path))).toBe('bad_mount_path');
    expect(await codeOf(moveMountTo(context, before[0]?.path ?? '', path))).toBe('bad_mount_path');
    expect(await listMounts(context)).toEqual(before);
  });
});
