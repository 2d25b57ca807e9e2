import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyStore, inDatabase, makeStand, OWN_ROWS, readRows, type Outcome, type Stand } from '../support/store.ts';

interface Attack {
  /** What somebody who can write the file, and has no key, puts into it. */
  readonly attack: string;
  readonly make: string | ((database: Sqlite.Database) => void);
  /** What the message names. */
  readonly names: string;
}

const ATTACKS: readonly Attack[] = [
  {
    attack: "a trigger that drops an operator's seal",
    make: `CREATE TRIGGER t1 BEFORE INSERT ON entries WHEN new.path = '${OWN_ROWS.sealedByOperator}' BEGIN SELECT raise(IGNORE); END`,
    names: 'trigger "t1" of "entries"',
  },
  {
    attack: 'a trigger that keeps the lease',
    make: `CREATE TRIGGER t2 BEFORE DELETE ON entries WHEN old.path = '${OWN_ROWS.lease}' BEGIN SELECT raise(IGNORE); END`,
    names: 'trigger "t2" of "entries"',
  },
  {
    attack: 'a trigger that drops every update',
    make: 'CREATE TRIGGER t3 BEFORE UPDATE ON entries BEGIN SELECT raise(IGNORE); END',
    names: 'trigger "t3" of "entries"',
  },
  {
    attack: 'a trigger that keeps what is written',
    make: 'CREATE TABLE kept (path, value); CREATE TRIGGER t4 AFTER INSERT ON entries BEGIN INSERT INTO kept VALUES (new.path, new.value); END',
    names: '"kept"',
  },
  {
    attack: 'a view in place of the table',
    make: `ALTER TABLE entries RENAME TO behind; CREATE VIEW entries AS SELECT * FROM behind WHERE path <> '${OWN_ROWS.sealedByOperator}'; CREATE TRIGGER t5 INSTEAD OF INSERT ON entries BEGIN SELECT 1; END; CREATE TRIGGER t6 INSTEAD OF DELETE ON entries BEGIN SELECT 1; END`,
    names: '"behind"',
  },
  { attack: 'a table of its own', make: 'CREATE TABLE more (a)', names: 'table "more"' },
  { attack: 'an index', make: 'CREATE INDEX i1 ON entries (value)', names: 'index "i1" of "entries"' },
  {
    attack: 'a unique index, which makes writes fail',
    make: "CREATE UNIQUE INDEX i2 ON entries (length(value) > 0)  WHERE path > 'x'",
    names: 'index "i2" of "entries"',
  },
  { attack: 'a virtual table', make: 'CREATE VIRTUAL TABLE words USING fts5(a)', names: '"words' },
  { attack: 'statistics that change plans', make: 'ANALYZE', names: '"sqlite_stat' },
  {
    attack: 'one more column',
    make: "ALTER TABLE entries ADD COLUMN more TEXT DEFAULT 'x'",
    names: 'table "entries" is not as coffer makes it',
  },
  {
    attack: 'a generated column',
    make: 'ALTER TABLE entries ADD COLUMN more INT AS (length(value)) VIRTUAL',
    names: 'table "entries" is not as coffer makes it',
  },
  {
    attack: 'paths that do not care for case',
    make: recreate('path TEXT PRIMARY KEY COLLATE NOCASE, value BLOB NOT NULL'),
    names: 'table "entries" is not as coffer makes it',
  },
  {
    attack: 'conflicts that are ignored',
    make: recreate('path TEXT PRIMARY KEY ON CONFLICT IGNORE, value BLOB NOT NULL'),
    names: 'table "entries" is not as coffer makes it',
  },
  {
    attack: 'a check that some writes fail',
    make: recreate(`path TEXT PRIMARY KEY CHECK (path <> '${OWN_ROWS.sealedByOperator}'), value BLOB NOT NULL`),
    names: 'table "entries" is not as coffer makes it',
  },
  {
    attack: 'a table without a key, and rows twice',
    make: `${recreate('path TEXT, value BLOB NOT NULL', 'STRICT')}; INSERT INTO entries SELECT * FROM entries`,
    names: 'table "entries" is not as coffer makes it',
  },
  { attack: 'no table', make: 'DROP TABLE entries', names: 'table "entries" is gone' },
  { attack: 'a layout that there never was', make: 'PRAGMA user_version = 0', names: 'layout 0' },
  { attack: 'a layout that is not known yet', make: 'PRAGMA user_version = 7', names: 'layout 7' },
  { attack: 'the mark of no application', make: 'PRAGMA application_id = 0', names: 'application_id is 0' },
  {
    attack: 'the mark of no application, nor of a layout',
    make: 'PRAGMA application_id = 0; PRAGMA user_version = 0',
    names: 'application_id is 0',
  },
  { attack: 'the mark of another application', make: 'PRAGMA application_id = 9', names: 'application_id is 9' },
  {
    attack: 'a view under the name of the schema itself',
    make: inSchema(
      "INSERT INTO sqlite_schema VALUES ('view', 'sqlite_master', 'sqlite_master', 0, 'CREATE VIEW sqlite_master AS SELECT 1')",
    ),
    names: 'coffer.db',
  },
  {
    attack: 'a schema that is no SQL',
    make: inSchema("UPDATE sqlite_schema SET sql = 'CREATE NONSENSE'"),
    names: 'coffer.db',
  },
  {
    attack: 'a name that a terminal would obey',
    make: 'CREATE TABLE "\u001b]0;pwned\u0007\u202e\u009b2J\n" (a)',
    names: 'table "\\u{1b}]0;pwned\\u{7}\\u{202e}\\u{9b}2J\\u{a}"',
  },
];

/** The table made anew with the same rows. */
function recreate(columns: string, options = 'STRICT, WITHOUT ROWID'): string {
  return `CREATE TABLE other (${columns}) ${options}; INSERT INTO other SELECT * FROM entries; DROP TABLE entries; ALTER TABLE other RENAME TO entries`;
}

function inSchema(sql: string): (database: Sqlite.Database) => void {
  return (database) => database.unsafeMode(true).exec(`PRAGMA writable_schema = ON; ${sql}`);
}

describe('somebody who puts logic into the database', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=plaintext');
  });
  afterAll(() => stand.remove());

  let copies = 0;
  /** Runs `use` on a copy of the store with the attack in it. */
  function attacked<T>(make: Attack['make'], use: (path: string, run: (...args: string[]) => Outcome) => T): T {
    const folder = join(stand.dir, `copy-${String(copies++)}`); // what is written into one makes the next one there old
    const path = copyStore(stand.path, folder);
    try {
      inDatabase(path, (database) => (typeof make === 'string' ? void database.exec(make) : make(database)));
      return use(path, (...args) => stand.run(args, { env: { COFFER_STORAGE_PATH: path } }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it.each(ATTACKS)('is found out by every command: $attack', ({ make, names }) => {
    attacked(make, (_, run) => {
      for (const args of [
        ['seal'],
        ['unseal'],
        ['seal-status'],
        ['kv', 'get', 'kv/a'],
        ['kv', 'put', 'kv/a', 'b=c'],
        ['init'],
      ]) {
        const outcome = run(...args);
        expect(outcome, args.join(' ')).toMatchObject({ status: 4, stdout: '' });
        expect(outcome.stderr).toContain(names);
        expect(outcome.stderr).toMatch(/^error: [^\n]*\nhint: [^\n]*\n$/);
        expect(outcome.stderr.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
      }
      const diagnosed = run('diagnose', '-format=json');
      expect(diagnosed.status).toBe(4);
      const { checks } = JSON.parse(diagnosed.stdout) as {
        checks: { name: string; status: string; message: string }[];
      };
      const [found] = checks.filter(({ status }) => status === 'failure');
      expect(found?.name).toBe('database');
      expect(found?.message).toContain(names);
    });
  });

  it.each([
    ['no application', 'PRAGMA application_id = 0'],
    ['no application and no layout', 'PRAGMA application_id = 0; PRAGMA user_version = 0'],
    ['another application', 'PRAGMA application_id = 9'],
  ])('is not heard in a database of something else, which is left as it is: the mark of %s', (_, mark) => {
    attacked(`DROP TABLE entries; CREATE TABLE theirs (a); ${mark}`, (path, run) => {
      for (const args of [['seal-status'], ['kv', 'get', 'kv/a'], ['init']]) {
        expect(run(...args)).toMatchObject({
          status: 1,
          stdout: '',
          stderr: expect.stringContaining('a database, but not a coffer store') as unknown,
        });
      }
      expect(inDatabase(path, (database) => database.prepare('SELECT name FROM sqlite_schema').pluck().all())).toEqual([
        'theirs',
      ]);
    });
  });

  it('cannot choose how SQLite keeps its log', () => {
    attacked('PRAGMA journal_mode = DELETE', (path, run) => {
      expect(run('kv', 'put', 'kv/a', 'b=new')).toMatchObject({ status: 0 });
      const mode = inDatabase(path, (database) => database.prepare('PRAGMA journal_mode').pluck().get());
      expect(mode).toBe('wal');
    });
  });

  it('may copy the file with another page size, or compact it: that is no attack', () => {
    attacked('PRAGMA journal_mode = DELETE; PRAGMA page_size = 16384; VACUUM', (_, run) => {
      expect(run('kv', 'get', '-field=b', 'kv/a')).toMatchObject({ status: 0, stdout: 'plaintext' });
      expect(run('diagnose').status).toBe(0);
    });
  });

  it.each([
    ['a path that is bytes', "INSERT INTO entries VALUES (x'ff', x'00')"],
    ['a path with a control character', "INSERT INTO entries VALUES ('data' || char(27), x'00')"],
    ['a path that is not ASCII', "INSERT INTO entries VALUES ('zé', x'00')"],
  ])('is found out by the listing that meets %s', (_, insert) => {
    const make = (database: Sqlite.Database): void => {
      inSchema("UPDATE sqlite_schema SET sql = replace(sql, ' STRICT,', '')")(database);
      database.exec('PRAGMA writable_schema = RESET');
      database.exec(insert);
      inSchema("UPDATE sqlite_schema SET sql = replace(sql, ') WITHOUT', ') STRICT, WITHOUT')")(database);
    };
    attacked(make, (path, run) => {
      expect(readRows(path).length).toBeGreaterThan(5);
      expect(run('diagnose').status).toBe(4);
    });
  });
});
