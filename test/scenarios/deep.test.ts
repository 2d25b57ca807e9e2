import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Barrier, Names } from '../../src/barrier/index.ts';
import { utf8 } from '../../src/bytes.ts';
import { withSeal } from '../../src/core/context.ts';
import { openKeys } from '../../src/core/unsealed/keys.ts';
import { contextOf, copyStore, makeStand, readRows, writeRows, type Row, type Stand } from '../support/store.ts';

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

/** The store's rows as they are, by what the operator knows them as. */
type Rows = Readonly<Record<string, Row>>;
type Changes = Readonly<Record<string, Uint8Array | null>>;

interface Damage {
  readonly damage: string;
  /** What somebody without a key does to the rows. */
  readonly change: (rows: Rows) => Changes;
  /** What the faults say, each once. */
  readonly says: readonly (string | RegExp)[];
}

const flipped = ({ value }: Row): Uint8Array => value.map((byte, at) => (at === value.length - 1 ? byte ^ 1 : byte));
const row = (rows: Rows, name: string): Row => {
  const found = rows[name];
  if (found === undefined) throw new Error(`there is no row ${name}`);
  return found;
};
const overwritten =
  (...names: string[]) =>
  (rows: Rows): Changes =>
    Object.fromEntries(names.map((name) => [row(rows, name).path, flipped(row(rows, name))]));
const removed =
  (...names: string[]) =>
  (rows: Rows): Changes =>
    Object.fromEntries(names.map((name) => [row(rows, name).path, null]));

const DAMAGES: readonly Damage[] = [
  { damage: 'a plain value of version 1', change: overwritten('plain/a'), says: ['plain/a was altered'] },
  { damage: 'a wrapped value of version 1', change: overwritten('wrapped/a'), says: [/wrapped\/a was .*tampered/] },
  {
    damage: 'the data of one version',
    change: overwritten('versions/a (version 2)'),
    says: ['versions/a (version 2) was altered'],
  },
  { damage: 'metadata', change: overwritten('versions/a'), says: ['versions/a was altered'] },
  { damage: 'the settings of a mount', change: overwritten('versions/config'), says: ['versions/config was altered'] },
  { damage: 'a key of transit', change: overwritten('transit/keys/k'), says: ['transit/keys/k was altered'] },
  {
    damage: 'every plain value',
    change: overwritten('plain/a', 'plain/dir/b'),
    says: ['plain/a was altered', 'plain/dir/b was altered'],
  },
  {
    damage: 'data of a version that is gone',
    change: removed('versions/a (version 1)'),
    says: ['data of versions/a (version 1) is gone', /^something in versions\/a.* was removed/],
  },
  {
    damage: 'data of a wrapped version that is gone',
    change: removed('wrapped2/a (version 1)'),
    says: ['data of wrapped2/a (version 1) is gone', /^something in wrapped2\/a.* was removed/],
  },
  {
    damage: 'metadata that is gone',
    change: removed('versions/a'),
    says: [
      'data of versions/a (version 1), but no metadata',
      'data of versions/a (version 2), but no metadata',
      /^something in versions\/.* was removed/,
    ],
  },
  {
    damage: 'data of a destroyed version that was put back',
    change: (rows) => ({ [row(rows, 'destroyed').path]: row(rows, 'destroyed').value }),
    says: ['data of versions/d (version 1), which was destroyed'],
  },
  {
    damage: 'older metadata that was put back',
    change: (rows) => ({ [row(rows, 'versions/a').path]: row(rows, 'metadata of version 1').value }),
    says: [
      'data of versions/a (version 2), which its metadata does not list',
      'versions/a is not the one that was written last',
    ],
  },
  {
    damage: 'an older value that was put back',
    change: (rows) => ({ [row(rows, 'plain/a').path]: row(rows, 'older plain').value }),
    says: ['plain/a is not the one that was written last'],
  },
  {
    damage: 'an older wrapped value that was put back',
    change: (rows) => ({ [row(rows, 'wrapped/a').path]: row(rows, 'older wrapped').value }),
    says: ['wrapped/a is not the one that was written last'],
  },
  {
    damage: 'an older key of transit that was put back',
    change: (rows) => ({ [row(rows, 'transit/keys/k').path]: row(rows, 'older key').value }),
    says: ['transit/keys/k is not the one that was written last'],
  },
  {
    damage: 'older settings of a mount that were put back',
    change: (rows) => ({ [row(rows, 'versions/config').path]: row(rows, 'older settings').value }),
    says: ['versions/config is not the one that was written last'],
  },
  {
    damage: 'a value that was deleted and put back',
    change: (rows) => ({ [row(rows, 'deleted plain').path]: row(rows, 'deleted plain').value }),
    says: [/plain\/gone was .*put back/],
  },
  { damage: 'a value that is gone', change: removed('plain/dir/b'), says: [/^something in .* was removed/] },
  {
    damage: 'a key of transit that is gone',
    change: removed('transit/keys/k'),
    says: [/^something in transit\/.* was removed/],
  },
  {
    damage: 'everything of a mount that is gone',
    change: removed('plain/a', 'plain/dir/b'),
    says: [/^something in plain\/.* was removed/, 'something in a folder that is gone, too, was removed'],
  },
  {
    damage: 'a node of the tree that is gone, and the root of it',
    change: () => ({ tree: null }),
    says: [/^the tree that authenticates the rows of the store was altered/],
  },
  {
    damage: 'a node of the tree that belongs nowhere',
    change: () => ({ 'tree/0123': new Uint8Array(3) }),
    says: [/^the tree that authenticates the rows of the store was altered: it has 1 node that no other leads to/],
  },
  {
    damage: 'two values that were swapped',
    change: (rows) => ({ [row(rows, 'plain/a').path]: row(rows, 'plain/dir/b').value }),
    says: ['plain/a was altered'],
  },
  {
    damage: 'an altered name',
    change: (rows) => ({
      [row(rows, 'plain/a').path.replace(/.$/, (end) => (end === 'A' ? 'Q' : 'A'))]: row(rows, 'plain/a').value,
    }),
    says: ['an encrypted name below plain/ was altered'],
  },
  {
    damage: 'rows of no mount',
    change: () => ({ 'data/else/where': new Uint8Array(3), 'core/more': new Uint8Array(3), other: new Uint8Array(3) }),
    says: ['"core/more" belongs to no mount', '"data/else/where" belongs to no mount', '"other" belongs to no mount'],
  },
];

describe('operator diagnose -deep', () => {
  let stand: Stand;
  let rows: Rows;

  beforeAll(async () => {
    stand = makeStand();
    stand.open();
    for (const [path, ...flags] of [
      ['plain', 'kv'],
      ['wrapped', '-seal-wrap', 'kv'],
      ['versions', '-version=2', 'kv'],
      ['wrapped2', '-seal-wrap', '-version=2', 'kv'],
      ['transit', 'transit'],
    ] as const) {
      stand.ok('secrets', 'enable', `-path=${path}`, ...flags);
    }
    for (const path of ['plain/a', 'plain/dir/b', 'plain/gone', 'wrapped/a', 'versions/a', 'versions/d', 'wrapped2/a'])
      stand.ok('kv', 'put', path, 'v=1');
    stand.ok('write', 'transit/keys/k', 'type=hmac', 'key_size=32');
    stand.ok('write', 'versions/config', 'max_versions=4');
    const early = await named();
    stand.ok('kv', 'delete', 'plain/gone');
    for (const path of ['plain/a', 'wrapped/a']) stand.ok('kv', 'put', path, 'v=2');
    stand.ok('write', '-f', 'transit/keys/k/rotate');
    for (const path of ['versions/a', 'versions/d', 'wrapped2/a']) stand.ok('kv', 'put', path, 'v=2');
    stand.ok('kv', 'destroy', '-versions=1', 'versions/d');
    stand.ok('kv', 'delete', 'wrapped2/a');
    stand.ok('kv', 'metadata', 'put', '-max-versions=3', 'versions/planned');
    for (const type of ['aes256-gcm96', 'ed25519', 'ecdsa-p256'])
      stand.ok('write', `transit/keys/${type}`, `type=${type}`);
    stand.ok('write', 'versions/config', 'max_versions=5');
    rows = {
      ...(await named()),
      destroyed: row(early, 'versions/d (version 1)'),
      'metadata of version 1': row(early, 'versions/a'),
      'older plain': row(early, 'plain/a'),
      'older wrapped': row(early, 'wrapped/a'),
      'older key': row(early, 'transit/keys/k'),
      'older settings': row(early, 'versions/config'),
      'deleted plain': row(early, 'plain/gone'),
    };
  });
  afterAll(() => stand.remove());

  /** Every row below a mount, by its plain name as messages have it. */
  async function named(): Promise<Record<string, Row>> {
    const all = readRows(stand.path);
    const record = all.find(({ path }) => path === 'core/record');
    const keyring = await withSeal(
      await contextOf(stand),
      false,
      async (seal) => (await openKeys(seal, new Uint8Array(record?.value ?? []))).keyring,
    );
    const names = new Names(keyring.pathKey);
    const table = new Barrier(keyring).decrypt(
      'core/mounts',
      new Uint8Array(all.find(({ path }) => path === 'core/mounts')?.value ?? []),
      'it',
    );
    const { mounts } = JSON.parse(Buffer.from(table).toString()) as { mounts: { uuid: string; path: string }[] };
    const result: Record<string, Row> = {};
    for (const each of all.filter(({ path }) => path.startsWith('data/'))) {
      const segments = each.path.split('/');
      const plain = segments.slice(1).map((segment, at) => names.decrypt(segments.slice(0, at + 1).join('/'), segment));
      const mount = mounts.find(({ uuid }) => uuid === plain[0])?.path ?? '';
      const [, kind, ...secret] = plain;
      const name =
        kind === 'versions'
          ? `${secret[0]} (version ${secret[1]})`
          : kind === 'policy'
            ? `keys/${secret.join('/')}`
            : secret.join('/') || String(kind);
      result[mount + name] = each;
    }
    return result;
  }

  function deep(changes: Changes): { status: number | null; faults: string[]; checks: Check[] } {
    const folder = join(stand.dir, 'copy');
    const path = copyStore(stand.path, folder);
    try {
      writeRows(path, changes);
      const { status, stdout } = stand.run(['operator', 'diagnose', '-deep', '-format=json'], {
        env: { COFFER_STORAGE_PATH: path },
      });
      const { checks } = JSON.parse(stdout) as { checks: Check[] };
      return {
        status,
        checks,
        faults: checks
          .filter((check) => check.name === 'values' && check.status === 'failure')
          .map(({ message }) => message),
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('says how many values open where all is well', () => {
    const { status, faults, checks } = deep({});
    expect(faults).toEqual([]);
    expect(status).toBe(0);
    const count = readRows(stand.path).filter(({ path }) => path.startsWith('data/')).length;
    expect(checks.find(({ name }) => name === 'values')).toMatchObject({
      status: 'ok',
      message: `${count} values of 5 mounts: all open, and fit together`,
    });
  });

  it.each(DAMAGES)('names $damage', ({ change, says }) => {
    const { status, faults } = deep(change(rows));
    expect(status).toBe(4);
    expect(faults, faults.join('\n')).toHaveLength(says.length);
    for (const words of says)
      expect(
        faults.filter((fault) => (typeof words === 'string' ? fault.includes(words) : words.test(fault))),
        faults.join('\n'),
      ).toHaveLength(1);
  });

  it('names the first faults and counts the others', () => {
    const { faults, status } = deep(
      Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`else/${at}`, new Uint8Array(1)])),
    );
    expect(status).toBe(4);
    expect(faults).toHaveLength(26);
    expect(faults.at(-1)).toBe('and 15 more faults like these');
  });

  it('finds what the barrier opens but no engine wrote', async () => {
    const record = readRows(stand.path).find(({ path }) => path === 'core/record');
    const keyring = await withSeal(
      await contextOf(stand),
      false,
      async (seal) => (await openKeys(seal, new Uint8Array(record?.value ?? []))).keyring,
    );
    const forge = (name: string, content: string): Changes => ({
      [row(rows, name).path]: new Barrier(keyring).encrypt(row(rows, name).path, utf8(content)),
    });
    const cases: readonly (readonly [string, string, string])[] = [
      ['plain/a', '[]', 'plain/a is not what coffer writes there'],
      ['plain/a', 'no JSON', 'plain/a is not what coffer writes there'],
      ['versions/a', '{}', 'the metadata of versions/a is not what coffer writes there'],
      ['versions/config', '{"maxVersions":-1}', 'the settings of versions/ are not what coffer writes there'],
      ['transit/keys/k', '{"name":"other"}', 'transit/keys/k is a key of another name'],
      [
        'transit/keys/k',
        '{"name":"k","type":"hmac","latest":2,"minDecryption":1,"minEncryption":0,"versions":{"1":{}}}',
        'transit/keys/k has no version 2',
      ],
    ];
    for (const [name, content, says] of cases) {
      const { status, faults } = deep(forge(name, content));
      expect(status, says).toBe(4);
      expect(faults.join('\n')).toContain(says);
    }
  });
});
