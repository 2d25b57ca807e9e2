import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyStore, inDatabase, makeStand, OWN_ROWS, type Outcome, type Stand } from '../support/store.ts';

const COMMANDS = [
  ['seal-status'],
  ['status'],
  ['seal'],
  ['unseal'],
  ['secrets', 'list'],
  ['kv', 'get', 'kv/a'],
  ['kv', 'put', 'kv/a', 'b=c'],
  ['operator', 'rotate'],
  ['sealwrap', 'status'],
  ['init', '-status'],
  ['init'],
];

describe('a store that somebody took the rows from', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=plaintext');
    stand.ok('seal-status'); // the log is written back when the last process closes it
  });
  afterAll(() => stand.remove());

  /** Runs `use` on a copy of the store that was changed. */
  function changed(
    change: (path: string) => void,
    use: (path: string, run: (...args: string[]) => Outcome) => void,
  ): void {
    const folder = join(stand.dir, 'copy');
    const path = copyStore(stand.path, folder);
    try {
      change(path);
      use(path, (...args) => stand.run(args, { env: { COFFER_STORAGE_PATH: path } }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  function cutTo(size: number): (path: string) => void {
    return (path) => writeFileSync(path, readFileSync(path).subarray(0, size));
  }

  it.each([
    [
      'all of them',
      (path: string) => inDatabase(path, (database) => void database.exec('DELETE FROM entries')),
      "the store's own record was removed",
    ],
    [
      'all of them, and then compacted the file',
      (path: string) => inDatabase(path, (database) => void database.exec('DELETE FROM entries; VACUUM')),
      "the store's own record was removed",
    ],
    [
      'all but the lease',
      (path: string) =>
        inDatabase(path, (database) => void database.exec(`DELETE FROM entries WHERE path <> '${OWN_ROWS.lease}'`)),
      "the store's own record was removed",
    ],
    ['by cutting the file within its last page', cutTo(5000), "the store's own record was removed"],
    ['by cutting the file behind its first page', cutTo(4096), 'coffer.db'],
    ['by cutting the file within its first page', cutTo(1000), 'coffer.db'],
    ['by cutting the file behind its header', cutTo(100), 'coffer.db'],
  ])('is found out by every command, and left as it is: %s', (_, change, names) => {
    changed(change, (path, run) => {
      const before = readFileSync(path);
      for (const args of COMMANDS) {
        const outcome = run(...args);
        expect(outcome, args.join(' ')).toMatchObject({ status: 4, stdout: '' });
        expect(outcome.stderr).toContain(names);
        expect(outcome.stderr).toMatch(/^error: [^\n]*\nhint: [^\n]*backup/);
      }
      const diagnosed = run('diagnose', '-format=json');
      expect(diagnosed.status).toBe(4);
      const { checks } = JSON.parse(diagnosed.stdout) as { checks: { name: string; status: string }[] };
      expect(checks.filter(({ status }) => status === 'failure').map(({ name }) => name)).toEqual(['database']);
      if (before.length > 4096) expect(readFileSync(path).equals(before)).toBe(true);
      else expect(statSync(path).size).toBe(before.length);
    });
  });

  it('is nothing that init overwrites, of whatever size it was cut to', () => {
    const { size } = statSync(stand.path);
    for (const kept of [1, 2, 16, 72, 512, size - 4096, size - 3000, size - 2000, size - 1000, size - 1]) {
      changed(cutTo(kept), (path, run) => {
        const { status, stdout, stderr } = run('init');
        expect({ kept, stdout, stderr }).toMatchObject({
          stdout: '',
          stderr: expect.not.stringContaining('coffer init') as unknown,
        });
        expect([1, 2, 4], `${kept}: ${stderr}`).toContain(status);
        expect(statSync(path).size).toBe(kept);
      });
    }
  });

  it('is as good as never made where nothing is left of the file: store_id tells that', () => {
    const storeId = /"id": "([^"]+)"|([0-9a-f]{8}-[0-9a-f-]{27})/.exec(stand.ok('seal-status'))?.[2] ?? '';
    expect(storeId).not.toBe('');
    const config = stand.write('with-id.hcl', `store_id = "${storeId}"\n${readFileSync(stand.config, 'utf8')}`);
    changed(cutTo(0), (path, run) => {
      expect(run('seal-status')).toMatchObject({ status: 2 });
      expect(run('-config', config, 'init')).toMatchObject({
        status: 1,
        stdout: '',
        stderr: expect.stringContaining(storeId) as unknown,
      });
      expect(statSync(path).size).toBe(0);
      expect(run('init').status).toBe(0);
    });
  });
});
