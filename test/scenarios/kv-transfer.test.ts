import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_BUNDLE } from '../support/program.ts';
import { makeStand } from '../support/store.ts';

describe('secrets that leave a store and come back', () => {
  const stand = makeStand();
  beforeAll(() => {
    stand.open();
    for (const mount of ['one', 'two', 'back1', 'back2'])
      stand.ok('secrets', 'enable', `-path=${mount}`, `-version=${/2|two/.test(mount) ? 2 : 1}`, 'kv');
  });
  afterAll(() => stand.remove());

  /** Each UTF-16 unit by itself, those of surrogate pairs too, and some pairs. */
  const units = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit));
  const json = `{"__proto__": {"a": 1.50}, "pairs": "\u{1f600}\u{10ffff}", "units": ${JSON.stringify(units.join('\u0001'))}}`;

  it.each([
    ['one', 'back1'],
    ['two', 'back2'],
  ])('have every character that JSON allows, from %s to %s', (from, to) => {
    stand.write('all.json', json);
    stand.ok('kv', 'put', `${from}/all`, '@all.json');
    stand.ok('kv', 'export', `-mount=${from}`, '-versions', '-force', 'all.ndjson');
    const file = join(stand.dir, 'all.ndjson');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const piped = stand.run(['kv', 'import', `-mount=${to}`, '-'], { input: readFileSync(file) });
    expect(piped).toMatchObject({ status: 0, stdout: 'Success! Imported 1 secret: 1 new, 0 changed, 0 unchanged\n' });
    for (const key of ['units', 'pairs', '__proto__']) {
      const read = (mount: string): string => stand.ok('kv', 'get', '-format=json', `-field=${key}`, `${mount}/all`);
      expect(read(to)).toBe(read(from));
    }
    expect(readdirSync(stand.dir).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('are named by no fault with what is in them', () => {
    const inputs = [
      '{"path": "one/a", "data": "hunter2"}',
      '{"path": "one/a", "hunter2',
      '["hunter2"]',
      '{"a": "hunter2"}',
    ];
    for (const input of inputs) {
      const { status, stdout, stderr } = stand.run(['kv', 'import', '-'], { input });
      expect(status).toBe(1);
      expect(stdout + stderr).not.toContain('hunter2');
      expect(stderr).toMatch(/^error: stdin/);
    }
    for (const type of ['yaml', 'env', 'ndjson', 'json']) {
      const args = ['kv', 'import', '-path=one/a', `-input-type=${type}`, '-'];
      const { status, stderr } = stand.run(args, { input: 'a: "hunter2\n hunter2: [' });
      expect(status).toBe(1);
      expect(stderr).not.toContain('hunter2');
      expect(stderr).toMatch(/^error: stdin/);
    }
  });
});

describe('an import under nohup', () => {
  const stand = makeStand();
  beforeAll(() => {
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
  });
  afterAll(() => stand.remove());

  // Node.js takes back what its caller ignores before any JavaScript runs.
  it.skipIf(IS_BUNDLE)('goes on when the terminal is gone', async () => {
    const lines = Array.from({ length: 5000 }, (_, at) => `{"path":"kv/${at}","data":{"v":"${at}"}}\n`);
    stand.write('many.ndjson', lines.join(''));
    const hangUps = 'while kill -HUP $job 2>/dev/null; do sleep 0.02; done';
    const line = `nohup coffer kv import many.ndjson 2>/dev/null & job=$!; (${hangUps}) & wait $job`;
    // The shell of the test itself has to live, too.
    const { status, stdout } = await stand.shell(`trap '' HUP; ${line}`);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'Success! Imported 5000 secrets: 5000 new, 0 changed, 0 unchanged\n',
    });
  });
});

describe('500 secrets', () => {
  const stand = makeStand({ shim: true });
  beforeAll(() => {
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    const lines = Array.from({ length: 500 }, (_, at) => `{"path":"kv/f${at % 7}/${at}","data":{"v":"${at}"}}\n`);
    stand.write('many.ndjson', lines.join(''));
  });
  afterAll(() => stand.remove());

  it.each([
    ['kv import -dry-run many.ndjson', /would be: 500 new/],
    ['kv import many.ndjson', /: 500 new/],
    ['kv import many.ndjson', /500 unchanged/],
    ['kv export -', /^(\{.*\}\n){500}$/],
    ['kv export out.ndjson', /Exported 500 secrets/],
    ['kv list -recursive kv', /^Keys\n----\n(.*\n){500}$/],
    ['list -recursive kv', /^Keys\n----\n(.*\n){500}$/],
    ['kv scan kv', /^Keys\n----\n(.*\n){500}$/],
    ['scan kv', /^Keys\n----\n(.*\n){500}$/],
  ])('cost %s one login', (line, printed) => {
    stand.shim?.clear();
    expect(stand.ok(...line.split(' '))).toMatch(printed);
    expect(stand.shim?.calls().filter((name) => name === 'C_Login')).toHaveLength(1);
  });
});
