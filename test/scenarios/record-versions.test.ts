import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecord, RECORD_VERSION } from '../../src/seal/index.ts';
import { type Golden, recordsStand } from '../support/golden.ts';
import { readRows, type Outcome, type Stand, writeRows } from '../support/store.ts';

/*
 * The store was made by the last coffer that wrote records of version 1, on SoftHSM: `wrapped/whole` has an HMAC over the whole record
 * of 3,258 bytes, `wrapped/digest` one over its SHA-256, written while the module took 2,048 bytes at once.
 */

let stand: Stand;
let golden: Golden;
beforeEach(() => {
  ({ stand, golden } = recordsStand('v1', { shim: true }));
  stand.ok('unseal');
});
afterEach(() => stand.remove());

/** Neither C_Sign nor C_Verify takes `wrapped/whole`, nor does the module take it in parts. */
const TOO_LONG = { COFFER_SHIM_FAULT: 'input-limit:2048,fail:C_VerifyUpdate:0x54' };

function versions(): Map<string, number> {
  const records = readRows(stand.path).filter(({ value }) => value.subarray(0, 4).toString() === 'COFR');
  return new Map(records.map(({ path, value }) => [path, readRecord(value, path).version]));
}

/** How many records there are of each version. */
function tally(): Record<number, number> {
  const found: Record<number, number> = {};
  for (const version of versions().values()) found[version] = (found[version] ?? 0) + 1;
  return found;
}

function expectGolden(env: Readonly<Record<string, string>> = {}): void {
  for (const { get, data } of golden.secrets) {
    const { status, stdout, stderr } = stand.run(['kv', 'get', '-format=json', '-field=data', ...get], { env });
    expect({ status, stderr }, get.join(' ')).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(data);
  }
}

function failed(outcome: Outcome): unknown[] {
  return (JSON.parse(outcome.stdout) as { failures: unknown[] }).failures;
}

/** Where the record of a secret is: the one row that a command changes. */
function changedBy(change: () => void): string {
  const before = new Map(readRows(stand.path).map(({ path, value }) => [path, value.toString('hex')]));
  change();
  const changed = readRows(stand.path).filter(
    ({ path, value }) => path.startsWith('data/') && before.get(path) !== value.toString('hex'),
  );
  expect(changed).toHaveLength(1);
  return changed[0]?.path ?? '';
}

describe('a store with records of version 1', () => {
  it.each([
    ['as they were', ''],
    ['where the module has come to limit its input, by parts', 'input-limit:256'],
    ['where the module has come to limit its input, and keeps what failed', 'input-limit:256,keeps-failed'],
    ['where C_Verify does not take what C_Sign takes', 'fail:C_Verify:0x7'],
    ['where there is no C_Verify', 'fail:C_VerifyInit:0x54'],
  ])('has its secrets %s', (_, fault) => {
    expect(tally()).toEqual({ 1: 7 });
    expectGolden({ COFFER_SHIM_FAULT: fault });
    expect(tally()).toEqual({ 1: 7 });
  });

  it('finds an altered one, however it is checked', () => {
    const [whole] = readRows(stand.path).filter(({ value }) => value.length === 3258);
    if (whole === undefined) throw new Error('no such record');
    writeRows(stand.path, { [whole.path]: whole.value.map((byte, at) => (at === 1000 ? byte ^ 1 : byte)) });
    for (const fault of ['', 'input-limit:256', 'fail:C_Verify:0x7']) {
      const outcome = stand.run(['kv', 'get', 'wrapped/whole'], { env: { COFFER_SHIM_FAULT: fault } });
      expect(outcome, fault).toMatchObject({ status: 4, stdout: '' });
    }
  });

  it('gets records of version 2 with whatever is written', () => {
    stand.ok('kv', 'put', 'wrapped/short', 'user=ada');
    expect(tally()).toEqual({ 1: 6, 2: 1 });
    stand.ok('operator', 'rotate');
    expect(versions().get('core/record')).toBe(RECORD_VERSION);
    expect(tally()).toEqual({ 1: 5, 2: 2 });
    expectGolden();
  });

  it('is told of by status and diagnose', () => {
    const counted = JSON.parse(stand.ok('sealwrap', 'status', '-format=json')) as { keys: object[] };
    expect(counted).toMatchObject({ current: 0, old: 7, keys: [{ record_version: 1, current: false, records: 7 }] });
    expect(stand.ok('sealwrap', 'status')).toMatch(/ old: version 1 +7 /);
    const { status, stdout } = stand.run(['operator', 'diagnose']);
    expect(status).toBe(0);
    expect(stdout).toContain('7 records of an earlier version');
    expect(stdout).not.toContain('under other keys');
  });

  it('moves to version 2, and is done then', () => {
    const told = JSON.parse(stand.ok('sealwrap', 'rewrap', '-format=json')) as unknown;
    expect(told).toMatchObject({ rewrapped: 7, failed: 0, current: 7, old: 0 });
    expect(tally()).toEqual({ 2: 7 });
    expectGolden();
    expectGolden({ COFFER_SHIM_FAULT: 'input-limit:64' });
    expect(stand.run(['operator', 'verify']).status).toBe(0);
    expect(stand.run(['operator', 'diagnose', '-deep'])).toMatchObject({
      status: 0,
      stdout: expect.not.stringContaining('earlier version') as string,
    });
    expect(JSON.parse(stand.ok('sealwrap', 'rewrap', '-format=json'))).toMatchObject({ rewrapped: 0, old: 0 });
  });

  it('is moved while the module limits its input', () => {
    expect(stand.run(['sealwrap', 'rewrap'], { env: { COFFER_SHIM_FAULT: 'input-limit:256' } }).status).toBe(0);
    expect(tally()).toEqual({ 2: 7 });
    expectGolden();
  });

  it.each([1, 2])('does not take a record of version %i for one of the other', (version) => {
    if (version === 2) stand.ok('sealwrap', 'rewrap');
    const rows = readRows(stand.path).filter(({ value }) => value.subarray(0, 4).toString() === 'COFR');
    for (const { path, value } of rows)
      writeRows(stand.path, { [path]: value.map((byte, at) => (at === 4 ? 3 - version : byte)) });
    for (const { get } of golden.secrets) expect(stand.run(['kv', 'get', ...get]).status).toBe(4);
    const outcome = stand.run(['operator', 'verify', '-format=json']);
    expect(outcome.status).toBe(4);
  });
});

describe('a record that the HSM does not open, though it opens others', () => {
  it('is named by rewrap, exit 3, which moves the others', () => {
    const { status, stdout, stderr } = stand.run(['sealwrap', 'rewrap'], { env: TOO_LONG });
    expect(status, stderr).toBe(3);
    expect(stderr).toMatch(
      /^error: wrapped\/whole cannot be opened: .* over 3225 bytes: C_Verify .*CKR_DATA_LEN_RANGE.*\nhint: it is a record of version 1, /,
    );
    expect(stderr.match(/^error:/gm)).toHaveLength(1);
    expect(stdout).toContain('Rewrapped 6; 1 could not be opened and was left as it is');
    expect(tally()).toEqual({ 1: 1, 2: 6 });
    expectGolden();
  });

  it('is named in JSON too', () => {
    const outcome = stand.run(['sealwrap', 'rewrap', '-format=json'], { env: TOO_LONG });
    expect(outcome.status).toBe(3);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ rewrapped: 6, failed: 1, old: 1 });
    expect(failed(outcome)).toEqual([
      {
        name: 'wrapped/whole',
        code: 'ckr_data_len_range',
        message: expect.stringMatching(/^wrapped\/whole cannot be opened: /) as string,
      },
    ]);
    expect(outcome.stderr).toContain('"code":"ckr_data_len_range"');
  });

  it('is named beside an altered one, exit 4', () => {
    const path = changedBy(() => stand.ok('kv', 'put', 'wrapped/altered', 'v=w'));
    const value = readRows(stand.path).find((each) => each.path === path)?.value ?? Buffer.alloc(0);
    writeRows(stand.path, { [path]: value.map((byte, at) => (at === value.length - 1 ? byte ^ 1 : byte)) });
    const outcome = stand.run(['sealwrap', 'rewrap', '-format=json'], { env: TOO_LONG });
    expect(outcome.status).toBe(4);
    expect(failed(outcome)).toHaveLength(2);
    for (const name of ['wrapped/whole', 'wrapped/altered'])
      expect(failed(outcome)).toContainEqual(expect.objectContaining({ name }) as unknown);
    expect(tally()).toEqual({ 1: 1, 2: 7 });
  });

  it.each([
    ['diagnose -deep', ['operator', 'diagnose', '-deep']],
    ['operator verify', ['operator', 'verify']],
  ])('is found by %s, which looks at the others', (_, args) => {
    const { status, stdout, stderr } = stand.run(args, { env: TOO_LONG });
    expect(status, stderr).toBe(3);
    expect((stdout + stderr).match(/cannot be opened/g)).toHaveLength(1);
    expect(stdout + stderr).toMatch(/wrapped\/whole cannot be opened: .* C_Verify /);
  });
});
