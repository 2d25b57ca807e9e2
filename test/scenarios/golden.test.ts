import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { combineRecoveryShares, readRecord, RECORD_VERSION, recoveryVerifier } from '../../src/seal/index.ts';
import { withSeal } from '../../src/core/context.ts';
import { openKeys } from '../../src/core/unsealed/keys.ts';
import { GOLDEN_STORES, goldenStand, readGolden } from '../support/golden.ts';
import { contextOf, readRows, type Stand } from '../support/store.ts';
import { makeGolden } from './make-golden.ts';

const make = process.env['COFFER_MAKE_GOLDEN'];
if (make !== undefined) makeGolden(join(GOLDEN_STORES, make));

const NO_TREE = 'note: this store has no tree';
const isRecord = (value: Buffer): boolean => value.subarray(0, 4).toString() === 'COFR';

describe.each(readdirSync(GOLDEN_STORES))('the store %s of an earlier coffer', (name) => {
  const golden = readGolden(name);
  let stand: Stand;

  beforeAll(() => {
    ({ stand } = goldenStand(name));
    stand.ok('unseal');
  });
  afterAll(() => stand.remove());

  it(`is ${name === 'v1' ? '' : 'not '}warned of for having no tree, by what reads and by what writes`, () => {
    for (const args of [
      ['kv', 'get', 'one/app'],
      ['kv', 'put', 'one/warned', 'v=w'],
      ['kv', 'delete', 'one/warned'],
    ]) {
      const { status, stderr } = stand.run(args);
      expect({ status, warned: stderr.split(NO_TREE).length - 1 }, args.join(' ')).toEqual({
        status: 0,
        warned: name === 'v1' ? 1 : 0,
      });
    }
  });

  it('has its mounts', () => {
    expect(JSON.parse(stand.ok('secrets', 'list', '-format=json'))).toMatchObject(golden.mounts as object);
  });

  it.each(golden.secrets)('has the secret $get', ({ get, data, version }) => {
    const envelope = JSON.parse(stand.ok('kv', 'get', '-format=json', ...get)) as { data: unknown };
    if (version === null) expect(envelope.data).toEqual(data);
    else expect(envelope.data).toMatchObject({ data, metadata: { version } });
  });

  it('lists its names', () => {
    for (const mount of Object.keys(golden.mounts as object)) {
      expect(JSON.parse(stand.ok('kv', 'list', '-format=json', mount))).toEqual(['app', 'deep/', 'steps']);
      expect(JSON.parse(stand.ok('kv', 'list', '-format=json', `${mount}deep/er`))).toEqual(['odd name']);
    }
  });

  it('can be written to', () => {
    for (const mount of Object.keys(golden.mounts as object)) {
      stand.ok('kv', 'put', `${mount}new`, 'v=w');
      expect(stand.ok('kv', 'get', '-field=v', `${mount}new`)).toBe('w');
    }
  });

  it('moves to records of the present version, with all of its secrets', () => {
    const versions = (): Set<number> =>
      new Set(readRows(stand.path).flatMap(({ value }) => (isRecord(value) ? [readRecord(value, 'it').version] : [])));
    expect(versions()).toContain(1);
    stand.ok('sealwrap', 'rewrap');
    expect(versions()).toEqual(new Set([RECORD_VERSION]));
    for (const { get, data } of golden.secrets)
      expect(JSON.parse(stand.ok('kv', 'get', '-format=json', '-field=data', ...get))).toEqual(data);
    expect(stand.run(['operator', 'verify']).status).toBe(0);
  });

  it('takes its recovery key', async () => {
    const { value = Buffer.alloc(0) } = readRows(stand.path).find(({ path }) => path === 'core/record') ?? {};
    const { keyring } = await withSeal(await contextOf(stand), false, (seal) => openKeys(seal, value));
    const [first = '', , third = ''] = golden.recoveryShares;
    const key = await combineRecoveryShares(
      [first, third].map((share) => new Uint8Array(Buffer.from(share, 'base64'))),
    );
    expect(recoveryVerifier(key)).toEqual(keyring.recovery.verifier);
  });
});
