import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configuration, makeStand, type Outcome, type Stand } from '../support/store.ts';

const isRoot = process.getuid?.() === 0;
const STRANGER = 12345;

let stand: Stand;
beforeEach(() => {
  stand = makeStand();
});
afterEach(() => stand.remove());

function expectRefused(outcome: Outcome, status: number, ...words: string[]): void {
  expect(outcome).toMatchObject({ status, stdout: '' });
  for (const word of words) expect(outcome.stderr).toContain(word);
  expect(outcome.stderr).toMatch(/\nhint: /);
}

/** What diagnose fails with, and how it ends. */
function diagnosed(): { failures: string[]; status: number | null } {
  const { stdout, status } = stand.run(['diagnose', '-format=json']);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string }[] };
  return { failures: checks.filter((check) => check.status === 'failure').map(({ name }) => name), status };
}

/** The module in a folder of its own, which the configuration then names. */
function ownModule(): string {
  const lib = stand.write('vendor/module.so', readFileSync(realpathSync(stand.lib)));
  stand.write('coffer.hcl', configuration({ ...stand, lib }));
  return lib;
}

describe('what coffer writes down', () => {
  it('does not follow links that stand at its place', () => {
    stand.open();
    const elsewhere = join(stand.dir, 'elsewhere');
    const marks = join(stand.dir, 'home', 'cache', 'coffer');
    const names = readdirSync(marks, { recursive: true, encoding: 'utf8' }).filter((name) =>
      lstatSync(join(marks, name)).isFile(),
    );
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      renameSync(join(marks, name), join(stand.dir, 'away'));
      symlinkSync(elsewhere, join(marks, name));
    }
    stand.ok('secrets', 'enable', 'kv');
    expect(existsSync(elsewhere)).toBe(false);
  });

  it.runIf(isRoot)("is not written into another user's folder: root with the HOME of a user", () => {
    const home = join(stand.dir, 'home');
    const precious = join(stand.dir, 'precious');
    mkdirSync(precious);
    mkdirSync(join(home, 'cache', 'coffer'), { recursive: true });
    symlinkSync(precious, join(home, 'cache', 'coffer', 'modules'));
    for (const path of ['home', 'home/cache', 'home/cache/coffer', 'home/cache/coffer/modules'])
      lchownSync(join(stand.dir, path), STRANGER, STRANGER);
    stand.open();
    expect(readdirSync(precious)).toEqual([]);
    expect(readdirSync(join(home, 'cache', 'coffer'))).toEqual(['modules']);
  });
});

describe('a store', () => {
  it('is not opened, nor made, in a folder that others can write', () => {
    mkdirSync(dirname(stand.path), { recursive: true });
    chmodSync(dirname(stand.path), 0o775);
    expectRefused(stand.run(['init']), 2, dirname(stand.path), 'chmod go-w');
    expect(readdirSync(dirname(stand.path))).toEqual([]);
    chmodSync(dirname(stand.path), 0o755);
    stand.open();
    chmodSync(dirname(stand.path), 0o777);
    for (const command of ['seal-status', 'seal', 'unseal'])
      expectRefused(stand.run([command]), 2, dirname(stand.path));
    chmodSync(dirname(stand.path), 0o1777);
    expectRefused(
      stand.run(['seal-status']),
      2,
      `other users can make files beside it in ${dirname(stand.path)}`,
      'a folder of its own',
    );
    expect(diagnosed()).toEqual({ failures: ['store folder'], status: 2 });
    chmodSync(dirname(stand.path), 0o755);
    expect(stand.run(['seal-status']).status).toBe(0);
  });

  it.runIf(isRoot)("is not opened where it, its log or its folder is another user's", () => {
    stand.open();
    for (const path of [stand.path, dirname(stand.path)]) {
      lchownSync(path, STRANGER, STRANGER);
      expectRefused(stand.run(['seal-status']), 2, `${path} belongs to another user (uid ${STRANGER})`);
      expect(diagnosed()).toEqual({ failures: [path === stand.path ? 'store file' : 'store folder'], status: 2 });
      lchownSync(path, 0, 0);
    }
    writeFileSync(`${stand.path}-wal`, '');
    lchownSync(`${stand.path}-wal`, STRANGER, STRANGER);
    expectRefused(stand.run(['seal-status']), 2, `${stand.path}-wal belongs to another user`);
    lchownSync(`${stand.path}-wal`, 0, 0);
    expect(stand.run(['seal-status']).status).toBe(0);
  });

  it('lets SQLite follow no link beside it, and apply no journal that somebody put there', () => {
    stand.open();
    const victim = stand.write('victim', 'of value');
    for (const end of ['-wal', '-shm', '-journal']) {
      symlinkSync(victim, stand.path + end);
      const outcome = stand.run(['seal-status']);
      expect(outcome, end).toMatchObject({ status: end === '-journal' ? 4 : 1, stdout: '' });
      expect(outcome.stderr).toContain(stand.path + end);
      expect(readFileSync(victim, 'utf8')).toBe('of value');
      renameSync(stand.path + end, join(stand.dir, 'away'));
    }
  });
});

describe('a link that somebody put in the place of a file of the store', () => {
  it.each(['', '-wal', '-shm', '-journal'])(
    'is a failure for diagnose, which has nobody run a command on it: coffer.db%s',
    (end) => {
      stand.open();
      stand.ok('seal-status'); // no -wal is left
      const victim = stand.write('victim', 'of value');
      chmodSync(victim, 0o644);
      if (end === '') rmSync(stand.path);
      for (const target of [victim, join(stand.dir, 'nothing')]) {
        symlinkSync(target, stand.path + end);
        const { stdout, status } = stand.run(['diagnose', '-format=json']);
        const { checks } = JSON.parse(stdout) as {
          checks: { name: string; status: string; message: string; remedy: string }[];
        };
        const [found] = checks.filter((check) => check.name === 'store file');
        expect(found).toMatchObject({
          status: 'failure',
          message: expect.stringContaining(stand.path + end) as unknown,
        });
        expect(found?.remedy).toMatch(/find out who put it there/);
        expect(stdout).not.toContain('chmod');
        expect(status).toBe(end === '-journal' ? 4 : 1);
        const outcome = stand.run(['seal-status']);
        expect(outcome.status).toBe(end === '-journal' ? 4 : 1);
        expect(outcome.stderr).toMatch(/\nhint: .*find out who put it there/);
        expect(outcome.stderr).not.toContain('chmod');
        rmSync(stand.path + end);
      }
      expect([readFileSync(victim, 'utf8'), statSync(victim).mode & 0o777]).toEqual(['of value', 0o644]);
    },
  );
});

describe('a store that others could write', () => {
  it.each([
    ['', '666'],
    ['', '620'],
    ['-wal', '602'],
  ])('is made private, and its operator told once: coffer.db%s of mode %s', (end, mode) => {
    stand.open();
    if (end !== '') stand.write(`store/coffer.db${end}`, '');
    chmodSync(stand.path + end, parseInt(mode, 8));
    const first = stand.run(['seal-status']);
    expect(first.status).toBe(0);
    expect(first.stderr).toBe(
      `note: other users could write ${stand.path + end} until now, and may have changed it; find out who did, and see what is altered with: coffer operator diagnose -deep\n`,
    );
    if (existsSync(stand.path + end)) expect(statSync(stand.path + end).mode & 0o777).toBe(0o600);
    expect(stand.run(['seal-status'])).toMatchObject({ status: 0, stderr: '' });
  });

  it('is not spoken of where they could only read it', () => {
    stand.open();
    chmodSync(stand.path, 0o644);
    expect(stand.run(['seal-status'])).toMatchObject({ status: 0, stderr: '' });
    expect(statSync(stand.path).mode & 0o777).toBe(0o600);
  });

  it('is looked through by diagnose, which says how', () => {
    stand.open();
    chmodSync(stand.path, 0o666);
    const { checks } = JSON.parse(stand.run(['diagnose', '-format=json']).stdout) as {
      checks: { name: string; message: string; remedy: string }[];
    };
    const [found] = checks.filter(({ name }) => name === 'store file');
    expect(found?.message).toBe(`other users can write ${stand.path}, and may have changed it`);
    expect(found?.remedy).toContain(`chmod 600 ${stand.path}`);
    expect(found?.remedy).toContain('diagnose -deep');

    // The log that diagnose itself made is not spoken of.
    chmodSync(stand.path, 0o666);
    const { stderr } = stand.run(['diagnose']);
    expect(stderr.match(/until now/g)).toHaveLength(1);
    expect(stderr).toContain(`other users could write ${stand.path} until now`);
  });
});

describe('a journal that somebody put beside the store', () => {
  it('has SQLite delete no file that it names', () => {
    stand.open();
    stand.ok('seal-status'); // no -wal is left
    const victim = stand.write('victim', 'of value');
    stand.write('store/coffer.db-journal', journalNaming(victim));
    for (const args of [['seal-status'], ['seal'], ['unseal'], ['diagnose']])
      expect(stand.run(args).status, args.join(' ')).toBe(4);
    expect(existsSync(victim)).toBe(true);
    rmSync(`${stand.path}-journal`);
    expect(stand.run(['seal-status']).status).toBe(0);
  });

  /** A hot journal that changes no page and names a super-journal, which SQLite deletes at the end (SQLite file format, section 3). */
  function journalNaming(path: string): Buffer {
    const magic = Buffer.from('d9d505f920a163d7', 'hex');
    const header = Buffer.alloc(512);
    magic.copy(header);
    [0, 1, statSync(stand.path).size / 4096, 512, 4096].forEach((field, at) => header.writeUInt32BE(field, 8 + 4 * at));
    const name = Buffer.from(path);
    const number = (value: number): Buffer =>
      Buffer.from([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
    const lockPage = 0x40000000 / 4096 + 1;
    return Buffer.concat([
      header,
      number(lockPage),
      name,
      number(name.length),
      number(name.reduce((sum, byte) => sum + byte, 0)),
      magic,
    ]);
  }
});

describe('a configuration', () => {
  it.runIf(isRoot)("is refused where its folder, or one above, is another user's", () => {
    mkdirSync(join(stand.dir, 'one', 'two'), { recursive: true });
    const config = join(stand.dir, 'one', 'two', 'coffer.hcl');
    stand.write('one/two/coffer.hcl', configuration(stand));
    for (const folder of ['one/two', 'one']) {
      lchownSync(join(stand.dir, folder), STRANGER, STRANGER);
      expectRefused(
        stand.run(['-config', config, 'seal-status']),
        1,
        config,
        `${join(stand.dir, folder)} belongs to another user`,
      );
      lchownSync(join(stand.dir, folder), 0, 0);
    }
    expect(stand.run(['-config', config, 'seal-status']).status).toBe(2);
  });
});

describe('a module', () => {
  it('is not loaded where others can replace it', () => {
    stand.open();
    const lib = ownModule();
    chmodSync(dirname(lib), 0o777);
    expectRefused(stand.run(['secrets', 'list']), 3, lib, dirname(lib), 'not loaded');
    expectRefused(stand.run(['hsm', 'slots']), 3, lib, dirname(lib));
    expect(diagnosed()).toEqual({ failures: ['module file'], status: 3 });
    chmodSync(dirname(lib), 0o700);
    chmodSync(lib, 0o620);
    expectRefused(stand.run(['secrets', 'list']), 3, `other users can write ${lib}`);
    chmodSync(lib, 0o600);
    expect(stand.run(['secrets', 'list']).status).toBe(0);
  });

  it.runIf(isRoot)("is not loaded where it, or a folder above it, is another user's", () => {
    stand.open();
    const lib = ownModule();
    for (const path of [lib, dirname(lib)]) {
      lchownSync(path, STRANGER, STRANGER);
      expectRefused(stand.run(['secrets', 'list']), 3, `${path} belongs to another user (uid ${STRANGER})`);
      expect(diagnosed()).toEqual({ failures: ['module file'], status: 3 });
      lchownSync(path, 0, 0);
    }
  });
});
