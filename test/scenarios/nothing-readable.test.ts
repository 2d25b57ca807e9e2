import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSeal } from '../../src/core/context.ts';
import { openKeys, type StoreKeys } from '../../src/core/unsealed/keys.ts';
import { encodings, filesBelow, found } from '../support/needles.ts';
import { contextOf, inDatabase, makeStand, readRows, type Stand } from '../support/store.ts';

const PIN = 'pin-7391864205';
const SECRETS = {
  PIN,
  'a mount path': 'treasury-department',
  'a description': 'launch codes of the northern fleet',
  'the name of a secret': 'quarterly-earnings',
  'a part of a name': 'unannounced-merger',
  'the name of a key': 'signing_passphrase',
  'a value': 'correct horse battery staple',
  'a number': '97531864209753186420',
  'a value on a seal-wrapped mount': 'tr0ub4dor&3-and-more',
  'the name of a seal-wrapped secret': 'master-blueprint',
  'a value that was replaced': 'the-password-of-last-year',
  'a value that was deleted': 'nobody-needs-this-now',
} as const;

describe('what lies on the disk while the store is used', () => {
  let stand: Stand;
  let files: Map<string, Buffer>;
  let keys: StoreKeys;

  beforeAll(async () => {
    stand = makeStand({ pin: PIN });
    stand.open();
    // As long as somebody reads, SQLite keeps the write-ahead log and its index.
    files = inDatabase(stand.path, (reader) => {
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM entries').get();
      fill(stand);
      return filesBelow(stand, ['store', 'home']);
    });
    const { value = Buffer.alloc(0) } = readRows(stand.path).find(({ path }) => path === 'core/record') ?? {};
    keys = await withSeal(await contextOf(stand), false, (seal) => openKeys(seal, value));
  });
  afterAll(() => stand.remove());

  it('is the database, its write-ahead log and index, the parsed configuration, and how far the store has come', () => {
    const names = [...files.keys()].map((name) => name.replace(/[0-9a-f]{32,}/, 'HASH'));
    expect(names).toEqual([
      'home/cache/coffer/config-HASH.json',
      'home/state/coffer/seen/HASH',
      'store/coffer.db',
      'store/coffer.db-shm',
      'store/coffer.db-wal',
    ]);
    const [, seen] = [...files].find(([name]) => name.includes('/seen/')) ?? [];
    expect(seen?.toString('latin1')).toMatch(/^coffer seen 1 \d+ [0-9a-f]{32}\n$/);
    expect(files.get('store/coffer.db-wal')?.length).toBeGreaterThan(10_000);
  });

  it('would be found by this test if it were readable', () => {
    expect(found(files, encodings(Buffer.from('hsm_hmac_demo')))).toContain('utf8 in store/coffer.db-wal');
    for (const [name, text] of Object.entries(SECRETS)) {
      for (const [encoding, needle] of encodings(Buffer.from(text))) {
        const planted = Buffer.concat([Buffer.from('....'), needle, Buffer.from('....')]);
        expect(found(new Map([['here', planted]]), encodings(Buffer.from(text))), `${name} as ${encoding}`).toContain(
          `${encoding} in here`,
        );
      }
    }
    const inBase64 = Buffer.from(Buffer.from(`1${SECRETS['a value']}`).toString('base64'));
    expect(found(new Map([['here', inBase64]]), encodings(Buffer.from(SECRETS['a value'])))).not.toEqual([]);
  });

  for (const [name, text] of Object.entries(SECRETS)) {
    it(`does not hold ${name}`, () => {
      expect(found(files, encodings(Buffer.from(text)))).toEqual([]);
    });
  }

  it('does not hold a key', () => {
    const secret = {
      rootKey: keys.rootKey,
      pathKey: keys.keyring.pathKey,
      treeKey: keys.keyring.treeKey ?? new Uint8Array(0),
      term: keys.keyring.terms[0]?.key ?? new Uint8Array(0),
    };
    for (const [name, key] of Object.entries(secret)) {
      expect(key.length, name).toBeGreaterThanOrEqual(32);
      expect(
        key.some((byte) => byte !== 0),
        name,
      ).toBe(true);
      for (const half of [key.subarray(0, 16), key.subarray(16, 32), key.subarray(-16)]) {
        expect(found(files, encodings(half)), name).toEqual([]);
      }
    }
  });

  it('keeps nothing of it after a seal, either', () => {
    stand.ok('seal');
    const after = filesBelow(stand, ['store', 'home']);
    for (const text of Object.values(SECRETS)) expect(found(after, encodings(Buffer.from(text)))).toEqual([]);
  });
});

function fill(stand: Stand): void {
  stand.ok(
    'secrets',
    'enable',
    `-path=${SECRETS['a mount path']}`,
    `-description=${SECRETS['a description']}`,
    '-version=2',
    'kv',
  );
  stand.ok('secrets', 'enable', '-path=plain', 'kv');
  stand.ok('secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv');
  const deep = `${SECRETS['a mount path']}/${SECRETS['a part of a name']}/${SECRETS['the name of a secret']}`;
  stand.ok('kv', 'put', deep, `${SECRETS['the name of a key']}=${SECRETS['a value']}`);
  stand.ok('kv', 'put', 'plain/a', `a=${SECRETS['a value that was replaced']}`);
  const number = stand.run(['kv', 'put', 'plain/a', '-'], { input: `{"n": ${SECRETS['a number']}}` });
  expect(number.status).toBe(0);
  stand.ok('kv', 'put', 'plain/b', `a=${SECRETS['a value that was deleted']}`);
  stand.ok('kv', 'delete', 'plain/b');
  stand.ok(
    'kv',
    'put',
    `wrapped/${SECRETS['the name of a seal-wrapped secret']}`,
    `a=${SECRETS['a value on a seal-wrapped mount']}`,
  );
  stand.ok('kv', 'get', deep);
}
