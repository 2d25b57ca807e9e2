import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recoveryVerifier, combineRecoveryShares } from '../../src/seal/index.ts';
import { withSeal } from '../../src/core/context.ts';
import { openKeys } from '../../src/core/unsealed/keys.ts';
import { contextOf, makeStand, readRows, type Stand } from '../support/store.ts';
import { makeGolden, type Golden } from './make-golden.ts';

const stores = fileURLToPath(new URL('../../fixtures/store/', import.meta.url));
const make = process.env['COFFER_MAKE_GOLDEN'];
if (make !== undefined) makeGolden(join(stores, make));

describe.each(readdirSync(stores))('the store %s of an earlier coffer', (name) => {
  const golden = JSON.parse(readFileSync(join(stores, name, 'golden.json'), 'utf8')) as Golden;
  let stand: Stand;

  beforeAll(() => {
    stand = makeStand({ label: golden.label, pin: golden.pin });
    const tokens = join(stand.dir, 'hsm', 'tokens');
    rmSync(tokens, { recursive: true });
    cpSync(join(stores, name, 'tokens'), tokens, { recursive: true });
    mkdirSync(join(stand.dir, 'store'));
    writeFileSync(stand.path, readFileSync(join(stores, name, 'coffer.db')));
    stand.ok('unseal');
  });
  afterAll(() => stand.remove());

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
