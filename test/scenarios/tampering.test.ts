import { randomFillSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Barrier } from '../../src/barrier/index.ts';
import { concat, utf8 } from '../../src/bytes.ts';
import { type Context, unsealStore, withMounts } from '../../src/core/index.ts';
import { withSeal } from '../../src/core/context.ts';
import { openKeys } from '../../src/core/unsealed/keys.ts';
import { CofferError } from '../../src/errors.ts';
import { openRecord, sealRecord } from '../../src/seal/index.ts';
import { goldenStand } from '../support/golden.ts';
import {
  configuration,
  contextOf,
  copyStore,
  inDatabase,
  makeStand,
  OWN_ROWS,
  readRows,
  writeRows,
  type Outcome,
  type Row,
  type Stand,
} from '../support/store.ts';

const campaign = process.env['COFFER_CAMPAIGN'] === '1';

describe('somebody who can write to the store', () => {
  let stand: Stand;
  let context: Context;
  let rows: Record<'wrapped' | 'wrappedOther' | 'plain' | 'plainOther' | 'version', Row>;
  let pristine: ReadonlyMap<string, Buffer>;

  beforeAll(async () => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv');
    stand.ok('secrets', 'enable', '-path=plain', 'kv');
    stand.ok('secrets', 'enable', '-path=versions', '-version=2', 'kv');
    rows = {
      wrapped: added(() => stand.ok('kv', 'put', 'wrapped/app/key', 'v=plaintext-w')),
      wrappedOther: added(() => stand.ok('kv', 'put', 'wrapped/other', 'v=plaintext-o')),
      plain: added(() => stand.ok('kv', 'put', 'plain/app/key', 'v=plaintext-p')),
      plainOther: added(() => stand.ok('kv', 'put', 'plain/other', 'v=plaintext-q')),
      version: added(() => stand.ok('kv', 'put', 'versions/app', 'v=plaintext-v')),
    };
    context = await contextOf(stand);
    pristine = new Map(readRows(stand.path).map(({ path, value }) => [path, value]));
  });
  afterAll(() => stand.remove());

  /** The row that `write` adds; of two (version 2 has its metadata beside the data) the shorter one is the data. */
  function added(write: () => void): Row {
    const before = new Set(readRows(stand.path).map(({ path }) => path));
    write();
    const [first] = readRows(stand.path)
      .filter(({ path }) => !before.has(path))
      .sort((a, b) => a.value.length - b.value.length);
    if (first === undefined) throw new Error('no row was added');
    return first;
  }

  function row(path: string): Buffer {
    const value = pristine.get(path);
    if (value === undefined) throw new Error(`no row ${path}`);
    return Buffer.from(value);
  }

  /** Runs `use` on the store with these rows changed (null: removed), then puts everything back. */
  async function changed<T>(
    changes: Readonly<Record<string, Uint8Array | null>>,
    use: () => T | Promise<T>,
  ): Promise<T> {
    writeRows(stand.path, changes);
    try {
      return await use();
    } finally {
      const strange = readRows(stand.path).filter(({ path }) => !pristine.has(path));
      writeRows(stand.path, {
        ...Object.fromEntries(strange.map(({ path }) => [path, null])),
        ...Object.fromEntries(pristine),
      });
    }
  }

  /** Reads a secret in this process: the error, or what came out. */
  async function read(path: string): Promise<CofferError | string> {
    try {
      return await withMounts(context, 'read', async (mounts) =>
        JSON.stringify(await mounts.request({ operation: 'read', path, data: {} })),
      );
    } catch (error) {
      if (error instanceof CofferError) return error;
      throw error;
    }
  }

  /** Writes a secret in this process: the error, or that there was none. */
  async function write(): Promise<CofferError | string> {
    return withMounts(context, 'write', async (mounts) => {
      await mounts.request({ operation: 'write', path: 'plain/new', data: { a: 'b' } });
      return 'written';
    }).catch((error: unknown) => {
      if (error instanceof CofferError) return error;
      throw error;
    });
  }

  /** Runs a command that is to find out about it, and gives the code. */
  function codeOf(...args: string[]): string {
    const { status, stdout, stderr } = stand.run([...args, '-format=json']);
    expect({ status, stdout }, `${args.join(' ')}: ${stderr}`).toEqual({ status: 4, stdout: '' });
    expect(stderr).not.toContain('plaintext-');
    const { code } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { code: string };
    return code;
  }

  function expectTampering(outcome: Outcome, ...words: string[]): void {
    expect(outcome).toMatchObject({ status: 4, stdout: '' });
    expect(outcome.stderr).toMatch(/^error: /);
    expect(outcome.stderr).toMatch(/\nhint: /);
    for (const word of words) expect(outcome.stderr).toContain(word);
    expect(outcome.stderr).not.toContain('plaintext-');
  }

  /** Every `step`th position whose change is not reported as tampering with `name`. */
  async function missedFlips(
    path: string,
    name: string,
    step: number,
    attempt: () => Promise<CofferError | string>,
  ): Promise<string[]> {
    const missed: string[] = [];
    for (let at = 0; at < row(path).length; at += campaign ? 1 : step) {
      for (const mask of campaign ? [1, 2, 4, 8, 16, 32, 64, 128] : [1 << (at % 8)]) {
        const value = row(path);
        value[at] = (value[at] ?? 0) ^ mask;
        const result = await changed({ [path]: value }, attempt);
        const reported =
          result instanceof CofferError &&
          result.exitStatus === 4 &&
          result.message.includes(name) &&
          !result.message.includes('plaintext');
        if (!reported)
          missed.push(
            `byte ${at} (${mask}): ${result instanceof CofferError ? `exit ${result.exitStatus}: ${result.message}` : result}`,
          );
      }
    }
    return missed;
  }

  it('is not noticed before anything was changed', () => {
    expect(stand.ok('kv', 'get', '-field=v', 'wrapped/app/key')).toBe('plaintext-w');
    expect(stand.ok('kv', 'get', '-field=v', 'plain/app/key')).toBe('plaintext-p');
    expect(stand.ok('kv', 'get', '-field=v', 'versions/app')).toBe('plaintext-v');
  });

  it('cannot change any byte of a seal-wrapped value', async () => {
    expect(await missedFlips(rows.wrapped.path, 'wrapped/app/key', 1, () => read('wrapped/app/key'))).toEqual([]);
  });

  it('cannot change any byte of a value behind the barrier', async () => {
    expect(await missedFlips(rows.plain.path, 'plain/app/key', 1, () => read('plain/app/key'))).toEqual([]);
  });

  it("cannot change any byte of the store's own record", async () => {
    expect(await missedFlips('core/record', 'record', 2, () => read('plain/app/key'))).toEqual([]);
  });

  it('cannot change any byte of the mount table', async () => {
    expect(await missedFlips('core/mounts', 'mount table', 11, () => read('plain/app/key'))).toEqual([]);
  });

  it('cannot change any byte of the root of the tree, nor of a node', async () => {
    expect(await missedFlips('core/tree', 'the tree', 3, () => read('plain/app/key'))).toEqual([]);
    expect(await missedFlips('tree', 'the tree', 11, () => read('plain/app/key'))).toEqual([]);
    expect(await missedFlips('core/tree', 'the tree', 11, write)).toEqual([]);
    expect(await missedFlips('tree', 'the tree', 29, write)).toEqual([]);
  });

  it('can at most seal the store by changing the lease', async () => {
    for (let at = 0; at < row(OWN_ROWS.lease).length; at += campaign ? 1 : 3) {
      const value = row(OWN_ROWS.lease);
      value[at] = (value[at] ?? 0) ^ (1 << (at % 8));
      const result = await changed({ [OWN_ROWS.lease]: value }, () => read('plain/app/key'));
      expect(result, `byte ${at}`).toBeInstanceOf(CofferError);
      if (result instanceof CofferError)
        expect(['lease_altered', 'sealed'], `byte ${at}: ${result.message}`).toContain(result.code);
    }
  });

  it('is told so by the command: exit 4, the path, and nothing of the value', async () => {
    for (const at of [0, 5, 40, rows.wrapped.value.length - 40, rows.wrapped.value.length - 1]) {
      const value = row(rows.wrapped.path);
      value[at] = (value[at] ?? 0) ^ 0x10;
      const outcome = await changed({ [rows.wrapped.path]: value }, () => stand.run(['kv', 'get', 'wrapped/app/key']));
      expectTampering(outcome, 'wrapped/app/key', 'tampered');
    }
    const value = row(rows.plain.path);
    value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
    const asJson = await changed({ [rows.plain.path]: value }, () =>
      stand.run(['kv', 'get', '-format=json', 'plain/app/key']),
    );
    expect(asJson).toMatchObject({ status: 4, stdout: '' });
    expect(JSON.parse(asJson.stderr)).toMatchObject({ code: 'value_altered' });
  });

  it('cannot swap two values', async () => {
    const wrapped = {
      [rows.wrapped.path]: row(rows.wrappedOther.path),
      [rows.wrappedOther.path]: row(rows.wrapped.path),
    };
    expectTampering(await changed(wrapped, () => stand.run(['kv', 'get', 'wrapped/app/key'])), 'wrapped/app/key');
    expectTampering(await changed(wrapped, () => stand.run(['kv', 'get', 'wrapped/other'])), 'wrapped/other');
    const plain = { [rows.plain.path]: row(rows.plainOther.path), [rows.plainOther.path]: row(rows.plain.path) };
    expectTampering(await changed(plain, () => stand.run(['kv', 'get', 'plain/app/key'])), 'plain/app/key');
  });

  it('cannot give a value another name', async () => {
    const segments = rows.plain.path.split('/');
    const elsewhere = [...segments.slice(0, -1), rows.plainOther.path.split('/').at(-1) ?? ''].join('/');
    const moved = await changed({ [elsewhere]: row(rows.plain.path) }, () => stand.run(['kv', 'list', 'plain/app']));
    expectTampering(moved, 'name');
    // A name is bound to its folder: that of one mount means nothing in another.
    const folder = rows.wrapped.path.split('/').slice(0, 3);
    const transplanted = [...folder, ...segments.slice(3)].join('/');
    expectTampering(
      await changed({ [transplanted]: row(rows.plain.path) }, () => stand.run(['kv', 'list', 'wrapped'])),
      'name',
    );
  });

  it('cannot cut a value short or make it longer', async () => {
    for (const { path } of [rows.wrapped, rows.plain]) {
      const name = path === rows.wrapped.path ? 'wrapped/app/key' : 'plain/app/key';
      const whole = row(path);
      const lengths = campaign
        ? [...whole.keys()]
        : [
            0,
            1,
            4,
            5,
            17,
            33,
            34,
            whole.length >> 1,
            whole.length - 33,
            whole.length - 17,
            whole.length - 16,
            whole.length - 1,
          ];
      for (const length of lengths) {
        const result = await changed({ [path]: whole.subarray(0, length) }, () => read(name));
        expect(result, `${length} bytes of ${name}`).toMatchObject({ exitStatus: 4 });
        expect(String(result)).toContain(name);
      }
      const longer = await changed({ [path]: concat(whole, Uint8Array.of(0)) }, () => read(name));
      expect(longer).toMatchObject({ exitStatus: 4 });
      const empty = await changed({ [path]: new Uint8Array(0) }, () => stand.run(['kv', 'get', name]));
      expectTampering(empty, name);
    }
  });

  it('cannot put a value that the HSM did not wrap where it wraps', async () => {
    const plain = await changed({ [rows.wrapped.path]: row(rows.plain.path) }, () =>
      stand.run(['kv', 'get', 'wrapped/app/key']),
    );
    expectTampering(plain, 'wrapped/app/key');
    // Not even one who has all the barrier's keys, as a copy of a process's memory would give them.
    const forged = await withSeal(context, false, async (seal) => {
      const keys = await openKeys(seal, row('core/record'));
      return new Barrier(keys.keyring).encrypt(rows.wrapped.path, utf8('{"v":"forged"}'));
    });
    expectTampering(
      await changed({ [rows.wrapped.path]: forged }, () => stand.run(['kv', 'get', 'wrapped/app/key'])),
      'wrapped/app/key',
    );
  });

  it("cannot take the HSM's HMAC away", async () => {
    const whole = row(rows.wrapped.path);
    const withoutMac = await changed({ [rows.wrapped.path]: whole.subarray(0, whole.length - 33) }, () =>
      stand.run(['kv', 'get', 'wrapped/app/key']),
    );
    expectTampering(withoutMac, 'wrapped/app/key');
    // A record that is right in everything else: made without an HMAC key, over the same data key.
    const noHmac = stand.write(
      'no-hmac.hcl',
      configuration(stand).replace(/hmac_key_label.*\n/, 'mechanism = "CKM_AES_GCM"\n'),
    );
    const lax = await contextOf({ ...stand, config: noHmac });
    const opened = await openWrapped(whole);
    const remade = await withSeal(lax, false, async (seal) => {
      const { key, wraps, context: plain, body } = opened;
      return sealRecord(seal, { key, wraps, context: plain, body, place: rows.wrapped.path });
    });
    expectTampering(
      await changed({ [rows.wrapped.path]: remade }, () => stand.run(['kv', 'get', 'wrapped/app/key'])),
      'wrapped/app/key',
      'HMAC',
    );
  });

  /** Opens the wrapped row with its HMAC. */
  async function openWrapped(whole: Uint8Array): ReturnType<typeof openRecord> {
    return withSeal(context, false, (seal) => openRecord(seal, whole, rows.wrapped.path, 'it'));
  }

  it("cannot remove the store's own rows unnoticed", async () => {
    const get = (): Outcome => stand.run(['kv', 'get', 'plain/app/key']);
    expect(await changed({ 'core/record': null }, get)).toMatchObject({
      status: 4,
      stdout: '',
      stderr: expect.stringContaining("the store's own record was removed") as string,
    });
    expect(await changed({ [OWN_ROWS.lease]: null }, get)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('sealed') as string,
    });
    expectTampering(await changed({ 'core/mounts': null }, get), 'the mount table was removed');
    for (const path of ['core/tree', 'tree'])
      for (const args of [
        ['kv', 'get', 'plain/app/key'],
        ['kv', 'put', 'plain/app/key', 'v=x'],
      ])
        expect(await changed({ [path]: null }, () => codeOf(...args)), path).toBe('tree_altered');
  });

  it('cannot have init make a new store over rows whose record was removed', async () => {
    const outcome = await changed({ 'core/record': null }, () => {
      const init = stand.run(['init', '-recovery-shares=0', '-recovery-threshold=0']);
      return { init, left: readRows(stand.path).map(({ path }) => path) };
    });
    expect(outcome.init).toMatchObject({ stdout: '' });
    expect(outcome.init.status).not.toBe(0);
    expect(outcome.left).toContain(rows.plain.path);
  });

  it('cannot take the data of a version away unnoticed', async () => {
    expectTampering(
      await changed({ [rows.version.path]: null }, () => stand.run(['kv', 'get', 'versions/app'])),
      'versions/app',
      'was removed',
    );
    expect(await changed({ [rows.version.path]: null }, () => codeOf('kv', 'get', 'versions/app'))).toBe('row_removed');
  });

  it('cannot take a value away unnoticed', async () => {
    for (const [{ path }, secret] of [
      [rows.plain, 'plain/app/key'],
      [rows.wrapped, 'wrapped/app/key'],
    ] as const) {
      const gone = { [path]: null };
      const parent = secret.slice(0, secret.lastIndexOf('/'));
      for (const args of [
        ['kv', 'get', secret],
        ['kv', 'put', secret, 'v=x'],
        ['kv', 'delete', secret],
        ['kv', 'list', parent],
      ])
        expect(await changed(gone, () => codeOf(...args)), args.join(' ')).toBe('row_removed');
      expectTampering(await changed(gone, () => stand.run(['kv', 'get', secret])), `${secret} was removed`);
      expectTampering(
        await changed(gone, () => stand.run(['kv', 'list', parent])),
        `something in ${parent} was removed`,
      );
    }
  });

  it('cannot put an older value back unnoticed, nor one that was deleted', async () => {
    const before = new Map(readRows(stand.path).map(({ path, value }) => [path, value]));
    for (const secret of ['plain/app/key', 'wrapped/app/key', 'versions/app'])
      stand.ok('kv', 'put', secret, 'v=plaintext-2');
    for (const secret of ['plain/other', 'wrapped/other']) stand.ok('kv', 'delete', secret);
    pristine = new Map(readRows(stand.path).map(({ path, value }) => [path, value]));
    const old = (path: string): Record<string, Buffer> => ({ [path]: before.get(path) ?? Buffer.alloc(0) });
    for (const [{ path }, secret] of [
      [rows.plain, 'plain/app/key'],
      [rows.wrapped, 'wrapped/app/key'],
    ] as const) {
      expect(await changed(old(path), () => codeOf('kv', 'get', secret))).toBe('row_outdated');
      expectTampering(
        await changed(old(path), () => stand.run(['kv', 'get', secret])),
        `${secret} is not the one that was written last`,
      );
    }
    for (const [{ path }, secret] of [
      [rows.plainOther, 'plain/other'],
      [rows.wrappedOther, 'wrapped/other'],
    ] as const) {
      for (const args of [
        ['kv', 'get', secret],
        ['kv', 'put', secret, 'v=x'],
        ['kv', 'delete', secret],
        ['kv', 'list', secret.slice(0, secret.lastIndexOf('/'))],
      ])
        expect(await changed(old(path), () => codeOf(...args)), args.join(' ')).toBe('row_unknown');
      expectTampering(
        await changed(old(path), () => stand.run(['kv', 'get', secret])),
        `${secret} was deleted, and was put back`,
      );
    }
    // With the metadata of version 1 a check-and-set of version 1 would write version 2 a second time.
    const stale = [...before].find(
      ([path, value]) =>
        path.split('/')[1] === rows.version.path.split('/')[1] && pristine.get(path)?.equals(value) === false,
    );
    if (stale === undefined) throw new Error('the metadata has changed');
    for (const args of [
      ['kv', 'put', '-cas=1', 'versions/app', 'v=x'],
      ['kv', 'get', 'versions/app'],
      ['kv', 'metadata', 'get', 'versions/app'],
    ])
      expect(await changed(old(stale[0]), () => codeOf(...args)), args.join(' ')).toBe('row_outdated');
  });

  it('cannot put rows where coffer wrote none', async () => {
    const segments = rows.plain.path.split('/');
    const strange = 'A'.repeat(40);
    const nested = [...segments.slice(0, 3), strange].join('/');
    for (const path of [
      nested,
      [...segments.slice(0, 2), strange].join('/'),
      `data/${strange}/b`,
      'core/usage',
      'tree/a',
    ]) {
      const outcome = await changed({ [path]: row(rows.plain.path) }, () => stand.run(['operator', 'verify']));
      expect(outcome.status, path).toBe(4);
    }
    const listed = await changed({ [nested]: row(rows.plain.path) }, () => stand.run(['kv', 'list', 'plain']));
    expectTampering(listed, 'name');
  });

  it('cannot have the store pass for one without a tree', async () => {
    const copy = join(stand.dir, 'without-tree');
    const path = copyStore(stand.path, copy);
    const usage = { 'core/usage': row('core/tree') };
    inDatabase(path, (database) => {
      database.exec("PRAGMA user_version = 1; DELETE FROM entries WHERE path = 'core/tree' OR path GLOB 'tree*'");
    });
    writeRows(path, { 'core/lease': row(OWN_ROWS.lease), ...usage });
    for (const args of [
      ['kv', 'get', 'plain/app/key'],
      ['kv', 'put', 'plain/app/key', 'v=x'],
      ['unseal'],
      ['operator', 'rotate'],
      ['operator', 'upgrade'],
    ]) {
      const { status, stdout, stderr } = stand.run(args, { env: { COFFER_STORAGE_PATH: path } });
      expect({ status, stdout, stderr }, args.join(' ')).toEqual({
        status: 4,
        stdout: '',
        stderr: expect.stringContaining('of a store with a tree, and the file says that it has none') as string,
      });
    }
    rmSync(copy, { recursive: true });
  });

  it('cannot put the whole file back as it was, on a machine that has seen a later one', () => {
    stand.ok('seal-status');
    const copy = join(stand.dir, 'older');
    const older = copyStore(stand.path, copy);
    const whole = readRows(older);
    stand.ok('kv', 'put', 'plain/app/key', 'v=plaintext-3');
    const newest = readRows(stand.path);
    const replace = (by: readonly Row[]): void => {
      const gone = readRows(stand.path).map(({ path }) => [path, null] as const);
      writeRows(stand.path, {
        ...Object.fromEntries(gone),
        ...Object.fromEntries(by.map(({ path, value }) => [path, value])),
      });
    };
    replace(whole);
    for (const args of [
      ['kv', 'get', 'plain/app/key'],
      ['kv', 'put', 'plain/app/key', 'v=x'],
      ['kv', 'list', 'plain'],
      ['unseal'],
      ['operator', 'rotate'],
    ])
      expect(codeOf(...args), args.join(' ')).toBe('store_rolled_back');
    expect(stand.run(['operator', 'diagnose']).status).toBe(4);
    replace(newest);
    pristine = new Map(newest.map(({ path, value }) => [path, value]));
    expect(stand.ok('kv', 'get', '-field=v', 'plain/app/key')).toBe('plaintext-3');
    rmSync(copy, { recursive: true });
  });

  it('cannot put back the record, the mount table or a value of another store', async () => {
    const other = makeStand();
    try {
      other.open();
      const theirs = new Map(readRows(other.path).map(({ path, value }) => [path, value]));
      for (const path of ['core/record', 'core/mounts', 'core/tree', 'tree', OWN_ROWS.lease]) {
        const outcome = await changed({ [path]: theirs.get(path) ?? null }, () =>
          stand.run(['kv', 'get', 'plain/app/key']),
        );
        expect(outcome, path).toMatchObject({ stdout: '' });
        expect([3, 4], `${path}: ${outcome.stderr}`).toContain(outcome.status);
      }
    } finally {
      other.remove();
    }
  });

  it('is noticed by unseal, too', async () => {
    const copy = join(stand.dir, 'copy');
    const path = copyStore(stand.path, copy);
    const record = row('core/record');
    record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
    writeRows(path, { 'core/record': record });
    const outcome = stand.run(['unseal'], { env: { COFFER_STORAGE_PATH: path } });
    expectTampering(outcome, 'record');
    rmSync(copy, { recursive: true });
  });

  it('cannot make a lease without the HSM', async () => {
    stand.ok('seal');
    try {
      const forged = row(OWN_ROWS.lease);
      randomFillSync(forged, forged.length - 32);
      const outcome = await changed({ [OWN_ROWS.lease]: forged, [OWN_ROWS.sealedByOperator]: null }, () =>
        stand.run(['kv', 'get', 'plain/app/key']),
      );
      expectTampering(outcome, 'unsealed');
    } finally {
      await unsealStore(context, null);
    }
  });
});

describe('somebody who can write to a store without a tree', () => {
  let stand: Stand;
  beforeAll(() => {
    ({ stand } = goldenStand('v1'));
    stand.ok('unseal');
  });
  afterAll(() => stand.remove());

  function expectCode(changes: Readonly<Record<string, Uint8Array | null>>, code: string, ...args: string[]): void {
    const before = readRows(stand.path).filter(({ path }) => path in changes);
    writeRows(stand.path, changes);
    const { status, stdout, stderr } = stand.run([...args, '-format=json']);
    writeRows(stand.path, Object.fromEntries(before.map(({ path, value }) => [path, value])));
    expect({ status, stdout }, stderr).toEqual({ status: 4, stdout: '' });
    expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}')).toMatchObject({ code });
  }

  function row(name: string): Buffer {
    return Buffer.from(readRows(stand.path).find(({ path }) => path === name)?.value ?? []);
  }

  it('cannot change any byte of the count of encryptions, nor remove it', async () => {
    const context = await contextOf(stand);
    const usage = row('core/usage');
    expect(usage.length).toBeGreaterThan(32);
    for (let at = 0; at < usage.length; at += campaign ? 1 : 3) {
      const value = Buffer.from(usage);
      value[at] = (value[at] ?? 0) ^ (1 << (at % 8));
      writeRows(stand.path, { 'core/usage': value });
      const write = withMounts(context, 'write', (mounts) =>
        mounts.request({ operation: 'write', path: 'one/new', data: { a: 'b' } }),
      );
      await expect(write, `byte ${at}`).rejects.toMatchObject({
        exitStatus: 4,
        message: expect.stringContaining('count of encryptions') as string,
      });
    }
    writeRows(stand.path, { 'core/usage': usage });
    expectCode({ 'core/usage': null }, 'usage_altered', 'kv', 'put', 'one/app', 'v=x');
    stand.ok('kv', 'put', 'one/app', 'v=x');
  });

  it('cannot change the record, the mount table or the lease, nor remove the first two', () => {
    const flipped = (name: string): Record<string, Uint8Array> => {
      const value = row(name);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      return { [name]: value };
    };
    expectCode(flipped('core/record'), 'record_altered', 'kv', 'get', 'one/app');
    expectCode(flipped('core/mounts'), 'value_altered', 'kv', 'get', 'one/app');
    expectCode(flipped('core/lease'), 'lease_altered', 'kv', 'get', 'one/app');
    expectCode({ 'core/record': null }, 'record_missing', 'kv', 'get', 'one/app');
    expectCode({ 'core/mounts': null }, 'mounts_missing', 'kv', 'get', 'one/app');
  });
});

describe('a database file that is damaged', () => {
  it('says so: exit 4 and the file, or is not taken for a store', () => {
    const stand = makeStand();
    try {
      stand.open();
      const whole = stand.run(['status']);
      expect(whole.status).toBe(0);
      const path = copyStore(stand.path, join(stand.dir, 'damaged'));
      const pages = readRows(path).length;
      expect(pages).toBeGreaterThan(0);
      stand.write(
        'damaged/coffer.db',
        Buffer.concat([Buffer.from('SQLite format 3\0'), randomFillSync(Buffer.alloc(8192))]),
      );
      const outcome = stand.run(['status'], { env: { COFFER_STORAGE_PATH: path } });
      expect([1, 4]).toContain(outcome.status);
      expect(outcome.stderr).toContain(path);
    } finally {
      stand.remove();
    }
  });
});
