import {
  chmodSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { goldenStand } from '../support/golden.ts';
import { compileClock } from '../support/shim.ts';
import { createSoftHsm, destroyKeys, generateRsaPair, importKey } from '../support/softhsm.ts';
import {
  configuration,
  inDatabase,
  makeStand,
  OWN_ROWS,
  readRows,
  writeRows,
  type RunOptions,
  type Stand,
  type StandOptions,
} from '../support/store.ts';

let stand: Stand;
afterEach(() => stand.remove());

interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failure' | 'skipped';
  readonly message: string;
  readonly remedy: string | null;
}

function diagnose(
  args: readonly string[] = [],
  options: RunOptions = {},
): { checks: Check[]; status: number | null; stderr: string } {
  const { status, stdout, stderr } = stand.run(['operator', 'diagnose', '-format=json', ...args], options);
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return { checks, status, stderr };
}

/** A store with a seal-wrapped and a plain secret, unsealed. */
function opened(options: StandOptions = {}): void {
  stand = makeStand(options);
  stand.open();
  stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
  stand.ok('kv', 'put', 'kv/a', 'b=c');
  stand.ok('secrets', 'enable', '-path=plain', 'kv');
  stand.ok('kv', 'put', 'plain/a', 'b=c');
}

function rewrite(change: (text: string) => string): void {
  stand.write('coffer.hcl', change(configuration(stand)));
}

function alterRow(wanted: (path: string) => boolean, change: (value: Uint8Array) => Uint8Array | null): void {
  const row = readRows(stand.path).find(({ path }) => wanted(path));
  if (row === undefined) throw new Error('there is such a row');
  writeRows(stand.path, { [row.path]: change(new Uint8Array(row.value)) });
}

/** Puts a row back as it was before something was done. */
function withOlder(path: string, change: () => unknown): void {
  const older = readRows(stand.path).find((row) => row.path === path);
  if (older === undefined) throw new Error('there is such a row');
  change();
  writeRows(stand.path, { [path]: older.value });
}

const flipLast = (value: Uint8Array): Uint8Array =>
  value.map((byte, at) => (at === value.length - 1 ? byte ^ 1 : byte));

/** A machine whose clock stands at 2001. */
function withOldClock(): RunOptions {
  return { env: { LD_PRELOAD: compileClock(), COFFER_TEST_CLOCK: String(Date.UTC(2001, 0, 1) / 1000) } };
}

interface Fault {
  readonly fault: string;
  readonly check: string;
  readonly finds: 'warning' | 'failure';
  readonly status: number;
  readonly options?: StandOptions;
  /** Does the damage; gives what the run needs for it. */
  readonly plant: () => unknown;
  readonly run?: () => RunOptions;
  readonly args?: readonly string[];
}

const nothing = (): void => undefined;
const shim = (fault: string): RunOptions => ({ env: { COFFER_SHIM_FAULT: fault } });

const FAULTS: readonly Fault[] = [
  {
    fault: 'an unknown key in the configuration',
    check: 'configuration',
    finds: 'failure',
    status: 1,
    plant: () => rewrite((text) => text.replace('key_label', 'kee_label')),
  },
  {
    fault: 'a configuration that others can write',
    check: 'configuration',
    finds: 'failure',
    status: 1,
    plant: () => chmodSync(stand.config, 0o666),
  },
  {
    fault: 'a configuration with a PIN that others can read',
    check: 'PIN source',
    finds: 'warning',
    status: 0,
    plant: () => chmodSync(stand.config, 0o644),
  },
  {
    fault: 'a PIN file that is not there',
    check: 'PIN source',
    finds: 'failure',
    status: 1,
    plant: () => rewrite((text) => text.replace(/pin .*= .*/, `pin = "file:${stand.dir}/none"`)),
  },
  {
    fault: 'a store that others can read',
    check: 'store file',
    finds: 'warning',
    status: 0,
    plant: () => chmodSync(stand.path, 0o644),
  },
  {
    fault: 'a store that others can replace',
    check: 'store folder',
    finds: 'failure',
    status: 2,
    plant: () => chmodSync(dirname(stand.path), 0o777),
  },
  {
    fault: 'a store that others can replace together with its folder',
    check: 'store folder',
    finds: 'warning',
    status: 0,
    plant: () => {
      mkdirSync(`${stand.dir}/open`);
      renameSync(dirname(stand.path), `${stand.dir}/open/store`);
      chmodSync(`${stand.dir}/open`, 0o777);
      symlinkSync(`${stand.dir}/open/store`, dirname(stand.path));
    },
  },
  {
    fault: 'a damaged database',
    check: 'database',
    finds: 'failure',
    status: 4,
    plant: () => {
      stand.ok('seal-status'); // the log is written back when the last process closes it
      const { size } = statSync(stand.path);
      writeSync(openSync(stand.path, 'r+'), Buffer.alloc(2048, 0xa5), 0, 2048, size - 3000);
    },
  },
  {
    fault: 'a module that others can replace',
    check: 'module file',
    finds: 'failure',
    status: 3,
    plant: () => {
      stand.write('theirs/module.so', readFileSync(stand.lib));
      chmodSync(`${stand.dir}/theirs`, 0o777);
      rewrite((text) => text.replace(/lib .*= .*/, `lib = "${stand.dir}/theirs/module.so"`));
    },
  },
  {
    fault: 'a module that others can write',
    check: 'module file',
    finds: 'failure',
    status: 3,
    plant: () => {
      chmodSync(stand.write('module.so', readFileSync(stand.lib)), 0o777);
      rewrite((text) => text.replace(/lib .*= .*/, `lib = "${stand.dir}/module.so"`));
    },
  },
  {
    fault: 'a store of a later layout',
    check: 'database',
    finds: 'failure',
    status: 4,
    plant: () => inDatabase(stand.path, (database) => database.exec('PRAGMA user_version = 9')),
  },
  {
    fault: 'a store under the mark of another application',
    check: 'database',
    finds: 'failure',
    status: 4,
    plant: () => inDatabase(stand.path, (database) => database.exec('PRAGMA application_id = 9')),
  },
  {
    fault: 'a database of something else',
    check: 'database',
    finds: 'failure',
    status: 1,
    plant: () =>
      inDatabase(stand.path, (database) =>
        database.exec('DROP TABLE entries; CREATE TABLE theirs (a); PRAGMA application_id = 9'),
      ),
  },
  {
    fault: 'a store without rows',
    check: 'database',
    finds: 'failure',
    status: 4,
    plant: () => inDatabase(stand.path, (database) => database.exec('DELETE FROM entries')),
  },
  {
    fault: 'a file of one byte',
    check: 'store file',
    finds: 'failure',
    status: 1,
    plant: () => writeFileSync(stand.path, 'S'),
  },
  {
    fault: 'a store that others can write',
    check: 'store file',
    finds: 'warning',
    status: 0,
    plant: () => chmodSync(stand.path, 0o666),
  },
  ...['', '-wal', '-shm', '-journal'].map((end): Fault => ({
    fault: `a link that somebody put at coffer.db${end}`,
    check: 'store file',
    finds: 'failure',
    status: end === '-journal' ? 4 : 1,
    plant: () => {
      if (end === '') renameSync(stand.path, `${stand.dir}/moved.db`);
      symlinkSync(end === '' ? `${stand.dir}/moved.db` : stand.write('victim', ''), stand.path + end);
    },
  })),
  {
    fault: 'a module that is not there',
    check: 'module',
    finds: 'failure',
    status: 3,
    plant: () => rewrite((text) => text.replace(/lib .*= .*/, 'lib = "/nonexistent/hsm.so"')),
  },
  {
    fault: 'a token that is not there',
    check: 'token',
    finds: 'failure',
    status: 3,
    options: { shim: true },
    plant: nothing,
    run: () => shim('no-token'),
  },
  {
    fault: 'two tokens of the same label',
    check: 'token',
    finds: 'failure',
    status: 3,
    plant: () => void createSoftHsm({ dir: dirname(stand.hsm.conf), label: 'demo' }),
  },
  {
    fault: 'a wrong PIN',
    check: 'login',
    finds: 'failure',
    status: 3,
    plant: nothing,
    run: () => ({ env: { COFFER_HSM_PIN: 'pin-9999' } }),
  },
  {
    fault: 'a token one try from locking',
    check: 'login',
    finds: 'failure',
    status: 3,
    options: { shim: true },
    plant: nothing,
    run: () => shim('pin-final-try'),
  },
  {
    fault: 'a wrapping key that is gone',
    check: 'wrapping key',
    finds: 'failure',
    status: 3,
    plant: () => void destroyKeys(stand.hsm, 'hsm_demo'),
  },
  {
    fault: 'two wrapping keys of the same label',
    check: 'wrapping key',
    finds: 'failure',
    status: 3,
    plant: () => importKey(stand.hsm, { label: 'hsm_demo', id: 'aa', type: 'aes', value: new Uint8Array(32) }),
  },
  {
    fault: 'a wrapping key that may not decrypt',
    check: 'wrapping key',
    finds: 'failure',
    status: 3,
    plant: () => {
      importKey(stand.hsm, { label: 'other', id: 'aa', type: 'aes', value: new Uint8Array(32), without: ['decrypt'] });
      rewrite((text) => text.replace('"hsm_demo"', '"other"\n  previous_key_label = "hsm_demo"'));
    },
  },
  {
    fault: 'a wrapping key that can leave the HSM',
    check: 'wrapping key',
    finds: 'warning',
    status: 0,
    plant: () => {
      importKey(stand.hsm, { label: 'other', id: 'aa', type: 'aes', value: new Uint8Array(32) });
      rewrite((text) => text.replace('"hsm_demo"', '"other"\n  previous_key_label = "hsm_demo"'));
    },
  },
  {
    fault: 'an HMAC key of the wrong type',
    check: 'HMAC',
    finds: 'failure',
    status: 3,
    plant: () => {
      importKey(stand.hsm, { label: 'other', id: 'aa', type: 'aes', value: new Uint8Array(32) });
      rewrite((text) => text.replace('"hsm_hmac_demo"', '"other"\n  previous_hmac_key_label = "hsm_hmac_demo"'));
    },
  },
  {
    fault: 'a mechanism that the token does not have',
    check: 'wrapping',
    finds: 'failure',
    status: 3,
    options: { shim: true, seal: 'mechanism = "CKM_AES_GCM"' },
    plant: nothing,
    run: () => shim('without-mechanism:0x1087'),
  },
  {
    fault: 'a generator that is stuck',
    check: 'random numbers',
    finds: 'failure',
    status: 3,
    options: { shim: true },
    plant: nothing,
    run: () => shim('random-stuck'),
  },
  {
    fault: "an altered record of the store's own",
    check: 'record',
    finds: 'failure',
    status: 4,
    plant: () => alterRow((path) => path === 'core/record', flipLast),
  },
  {
    fault: 'a forged lease',
    check: 'lease',
    finds: 'failure',
    status: 4,
    plant: () => alterRow((path) => path === OWN_ROWS.lease, flipLast),
  },
  {
    fault: 'a clock before the store was made',
    check: 'clock',
    finds: 'warning',
    status: 0,
    plant: nothing,
    run: withOldClock,
  },
  {
    fault: 'an altered root of the tree',
    check: 'tree',
    finds: 'failure',
    status: 4,
    plant: () => alterRow((path) => path === 'core/tree', flipLast),
  },
  {
    fault: 'an altered node of the tree',
    check: 'tree',
    finds: 'failure',
    status: 4,
    plant: () => alterRow((path) => path === 'tree', flipLast),
  },
  {
    fault: 'an older record',
    check: 'tree',
    finds: 'failure',
    status: 4,
    plant: () => withOlder('core/record', () => stand.ok('operator', 'rotate')),
  },
  {
    fault: 'an older copy of the whole store',
    check: 'tree',
    finds: 'failure',
    status: 4,
    plant: () => {
      const older = readRows(stand.path);
      stand.ok('kv', 'put', 'plain/a', 'b=d');
      writeRows(stand.path, Object.fromEntries(older.map(({ path, value }) => [path, value])));
    },
  },
  {
    fault: 'an older mount table',
    check: 'mount table',
    finds: 'failure',
    status: 4,
    plant: () => withOlder('core/mounts', () => stand.ok('secrets', 'enable', '-path=more', 'kv')),
  },
  {
    fault: 'a mount table that is gone',
    check: 'mount table',
    finds: 'failure',
    status: 4,
    plant: () =>
      alterRow(
        (path) => path === 'core/mounts',
        () => null,
      ),
  },
  {
    fault: 'a row of no mount',
    check: 'rows',
    finds: 'failure',
    status: 4,
    plant: () => writeRows(stand.path, { 'data/somebody/else': new Uint8Array(8) }),
  },
  {
    fault: 'a row that is gone',
    check: 'rows',
    finds: 'failure',
    status: 4,
    plant: () =>
      alterRow(
        (path) => path.startsWith('data/'),
        () => null,
      ),
  },
  {
    fault: 'an older value',
    check: 'values',
    finds: 'failure',
    status: 4,
    args: ['-deep'],
    plant: () => {
      const before = readRows(stand.path);
      stand.ok('kv', 'put', 'plain/a', 'b=d');
      const changed = new Map(readRows(stand.path).map(({ path, value }) => [path, value]));
      const older = before.find(
        ({ path, value }) => path.startsWith('data/') && changed.get(path)?.equals(value) === false,
      );
      if (older === undefined) throw new Error('there is a row that was written');
      writeRows(stand.path, { [older.path]: older.value });
    },
  },
  {
    fault: 'a row whose name was altered',
    check: 'rows',
    finds: 'failure',
    status: 4,
    plant: () => {
      const row = readRows(stand.path).find(({ path }) => path.startsWith('data/'));
      if (row === undefined) throw new Error('there is a row');
      writeRows(stand.path, {
        [row.path]: null,
        [row.path.replace(/.$/, (end) => (end === 'A' ? 'Q' : 'A'))]: row.value,
      });
    },
  },
  {
    fault: 'values under an old key of the HSM',
    check: 'seal wrap',
    finds: 'warning',
    status: 0,
    plant: () => {
      rewrite((text) => text.replace('"hsm_demo"', '"other"\n  previous_key_label = "hsm_demo"'));
      stand.ok('hsm', 'keygen');
    },
  },
  {
    fault: 'an altered value',
    check: 'values',
    finds: 'failure',
    status: 4,
    args: ['-deep'],
    plant: () => alterRow((path) => path.startsWith('data/') && isSealWrapped(path), flipLast),
  },
];

function isSealWrapped(wanted: string): boolean {
  return readRows(stand.path).some(({ path, value }) => path === wanted && value.subarray(0, 4).toString() === 'COFR');
}

describe('operator diagnose', () => {
  it.each(FAULTS)('finds $fault', ({ check, finds, status, options, plant, run, args }) => {
    opened(options);
    plant();
    const before = readRowsOrNothing();
    const found = diagnose(args, run?.() ?? {});
    const named = found.checks.filter((each) => each.name === check && each.status === finds);
    expect(named, JSON.stringify(found.checks, null, 1)).not.toEqual([]);
    expect(named[0]?.remedy).not.toBeNull();
    expect(found.status).toBe(status);
    expect(found.stderr + JSON.stringify(found.checks)).not.toMatch(/"1234"|pin-9999/);
    expect(readRowsOrNothing()).toEqual(before);
  });

  function readRowsOrNothing(): unknown {
    try {
      return readRows(stand.path);
    } catch {
      return readFileSync(stand.path);
    }
  }

  it.each([[[]], [['-deep']]])('finds nothing in a healthy store %j', (args) => {
    opened();
    const { checks, status } = diagnose(args);
    expect(checks.filter(({ status: each }) => each !== 'ok')).toEqual([]);
    expect(status).toBe(0);
    expect(checks.length).toBeGreaterThan(15);
  });

  it('tells that this machine cannot remember how far the store has come, unless the HSM does with every write', () => {
    opened();
    const warnings = (env: Readonly<Record<string, string>>): unknown[] => {
      const { checks, status } = diagnose([], { env });
      expect(status).toBe(0);
      return checks.filter(({ name, status: each }) => name === 'tree' && each === 'warning');
    };
    stand.write('no-folder', '');
    const forgetful = { XDG_STATE_HOME: `${stand.dir}/no-folder` };
    const warning = { message: expect.stringContaining('this machine does not remember') as string };
    expect(warnings(forgetful)).toMatchObject([warning]);
    expect(warnings({ ...forgetful, COFFER_HSM_ANCHOR: 'unseal' })).toMatchObject([warning]);
    expect(warnings({ ...forgetful, COFFER_HSM_ANCHOR: 'write' })).toEqual([]);
    expect(warnings({})).toEqual([]);
  });

  it('tells a store that is not there yet, and what init will do', () => {
    stand = makeStand();
    const { checks, status } = diagnose();
    expect(checks.filter(({ status: each }) => each === 'warning').map(({ name }) => name)).toEqual([
      'store file',
      'database',
      'wrapping key',
      'HMAC key',
    ]);
    expect(status).toBe(0);
  });

  it('tells what no HMAC key means for an RSA key, and how a store that is there gets one', () => {
    stand = makeStand();
    generateRsaPair(stand.hsm, { label: 'pair', id: '01', attributes: { 0x162: false } });
    stand.write(
      'coffer.hcl',
      configuration(stand)
        .replace('"hsm_demo"', '"pair"')
        .replace(/.*hmac_key_label.*\n/, ''),
    );
    const hmac = (): unknown =>
      diagnose().checks.find(({ name, status }) => name === 'HMAC key' && status !== 'skipped');
    const message =
      'none is configured, and "pair" is an RSA key: whoever has its public key can put a whole other store in the place of yours, and it opens';
    expect(hmac()).toMatchObject({
      status: 'warning',
      message,
      remedy: 'name one in hmac_key_label before `coffer init`',
    });
    stand.open();
    expect(hmac()).toMatchObject({
      status: 'warning',
      message,
      remedy: expect.stringMatching(/^coffer-config\(5\) says under "Changing the HMAC key"/) as string,
    });
  });

  it('tells what stands in for an HMAC key with an AES key, unless an RSA key was there before', () => {
    stand = makeStand();
    const text = (): string => configuration(stand).replace(/.*hmac_key_label.*\n/, '');
    stand.write('coffer.hcl', text());
    stand.open();
    const hmac = (): unknown =>
      diagnose().checks.find(({ name, status }) => name === 'HMAC key' && status !== 'skipped');
    expect(hmac()).toMatchObject({
      status: 'ok',
      message: 'none is configured: AES-GCM under the wrapping key alone authenticates records',
    });
    generateRsaPair(stand.hsm, { label: 'pair', id: '01', attributes: { 0x162: false } });
    stand.write('coffer.hcl', text().replace('"hsm_demo"', '"hsm_demo"\n  previous_key_label = "pair"'));
    expect(hmac()).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('"pair" is an RSA key') as string,
    });
  });

  const twin = (id: string): void =>
    importKey(stand.hsm, { label: 'twin', id, type: 'aes', value: new Uint8Array(32) });

  it.each([
    {
      ids: ['0a', '0b'],
      says: [/^set key_id .* to choose one:\n {2}label "twin", id 0[ab]\n {2}label "twin", id 0[ab]$/],
      not: /p11tool/,
    },
    {
      ids: ['0a', '0a'],
      says: [/^some have the same label and id, so that nothing in the configuration chooses/, /p11tool --set-id/],
      not: /^set key_id/,
    },
    {
      ids: ['', '0a'],
      says: [
        /^set key_id /,
        /id \(none\)/,
        /one without an id can be chosen only after the HSM's own tool gave it one/,
      ],
      not: /one of: /,
    },
    { ids: ['', ''], says: [/^some have the same label and id/], not: /one of: / },
  ])('says how to tell keys of one label apart by the ids $ids', ({ ids, says, not }) => {
    opened();
    for (const id of ids) twin(id);
    rewrite((text) => text.replace('"hsm_demo"', '"twin"\n  previous_key_label = "hsm_demo"'));
    const { remedy } = diagnose().checks.find(
      ({ name, status }) => name === 'wrapping key' && status === 'failure',
    ) ?? { remedy: null };
    for (const one of says) expect(remedy).toMatch(one);
    expect(remedy).not.toMatch(not);
  });

  it('says of keys with one id and two labels that the label chooses', () => {
    opened();
    for (const label of ['one', 'other'])
      importKey(stand.hsm, { label, id: '0a', type: 'aes', value: new Uint8Array(32) });
    rewrite((text) => text.replace(/key_label( +)= "hsm_demo"/, 'key_id = "0a"\n  previous_key_label = "hsm_demo"'));
    const { remedy } = diagnose().checks.find(
      ({ name, status }) => name === 'wrapping key' && status === 'failure',
    ) ?? { remedy: null };
    expect(remedy).toMatch(/^set key_label /);
  });

  it('does not have a key made anew that a store may need', () => {
    opened();
    destroyKeys(stand.hsm, 'hsm_demo');
    const { remedy } = diagnose().checks.find(
      ({ name, status }) => name === 'wrapping key' && status === 'failure',
    ) ?? { remedy: null };
    expect(remedy).toContain("bring the key back from the HSM's own backup");
    expect(remedy).not.toContain('keygen');
  });

  it('warns of a previous key that is not there', () => {
    opened({ seal: 'previous_key_label = "gone"' });
    expect(diagnose()).toMatchObject({
      status: 0,
      checks: expect.arrayContaining([
        expect.objectContaining({
          name: 'previous wrapping key',
          status: 'warning',
          message: 'no key on the token has label "gone" (previous_key_label "gone")',
        }),
      ]) as unknown,
    });
  });

  it.each([[[]], [['-seal-wrap']]])(
    "finds a managed key of transit that has become the seal's, in a mount made with %j",
    (flags) => {
      opened();
      stand.ok('secrets', 'enable', ...flags, '-path=external', 'transit');
      for (const name of ['orders', 'bills'])
        stand.ok(
          'write',
          `external/keys/${name}`,
          'type=managed_key',
          `managed_key_name=hsm_${name}`,
          'generate=true',
          'key_type=aes256',
        );
      stand.ok('write', '-f', 'external/keys/soft');
      const managed = (): unknown => diagnose().checks.filter(({ name }) => name === 'managed keys');
      expect(managed()).toMatchObject([{ status: 'ok', message: expect.stringMatching(/^2 of transit/) as string }]);
      rewrite((text) => text.replace('"hsm_demo"', '"hsm_orders"\n  previous_key_label = "hsm_demo"'));
      expect(managed()).toMatchObject([
        {
          status: 'failure',
          message: expect.stringMatching(
            /^the managed key external\/keys\/orders does not work: the HSM key "hsm_orders" is the seal's own/,
          ) as string,
        },
      ]);
      expect(diagnose().status).toBe(3);
      rewrite((text) => text);
      destroyKeys(stand.hsm, 'hsm_bills');
      expect(managed()).toMatchObject([
        { status: 'failure', message: expect.stringContaining('external/keys/bills') as string },
      ]);
    },
  );

  it('tries a wrong PIN once', () => {
    opened({ shim: true });
    stand.shim?.clear();
    expect(diagnose([], { env: { COFFER_HSM_PIN: 'pin-9999' } }).status).toBe(3);
    expect(stand.shim?.calls().filter((name) => name === 'C_Login')).toHaveLength(1);
  });

  it('exits with the worst, and shows a checklist', () => {
    opened({ shim: true });
    alterRow((path) => path === 'core/mounts', flipLast);
    const { status, stdout } = stand.run(['diagnose'], shim('random-stuck'));
    expect(status).toBe(4);
    expect(stdout).toContain('[FAIL] random numbers:');
    expect(stdout).toContain('[FAIL] mount table:');
    expect(stdout).toMatch(/\d+ ok, 0 warnings, 2 failures, 2 skipped/);
  });
});

describe('operator diagnose of a store without a tree', () => {
  function old(): void {
    ({ stand } = goldenStand('v1'));
    stand.ok('unseal');
  }

  it.each([[[]], [['-deep']]])('finds that it has none, and old records, and nothing else %j', (args) => {
    old();
    const { checks, status } = diagnose(args);
    expect(status).toBe(0);
    const others = checks.filter(({ name, status: each }) => name !== 'tree' && each !== 'ok');
    expect(others).toMatchObject([
      {
        name: 'seal wrap',
        status: 'warning',
        message: expect.stringMatching(/^\d+ records of an earlier version/) as string,
      },
    ]);
    expect(checks.filter(({ name }) => name === 'tree')).toMatchObject([
      { status: 'warning', remedy: expect.stringContaining('coffer operator upgrade') as string },
    ]);
  });

  it('finds an altered count of encryptions', () => {
    old();
    alterRow((path) => path === 'core/usage', flipLast);
    const { checks, status } = diagnose();
    expect(status).toBe(4);
    const failures = checks.filter(({ status: each }) => each === 'failure');
    expect(failures).toHaveLength(1);
    expect(failures[0]?.message).toContain('the count of encryptions in the store was altered');
  });

  it('finds a row of no mount, which it warns of', () => {
    old();
    writeRows(stand.path, { 'data/somebody/else': new Uint8Array(8) });
    const { checks, status } = diagnose();
    expect(status).toBe(0);
    expect(checks.find(({ name, status: each }) => name === 'rows' && each === 'warning')?.remedy).not.toBeNull();
  });

  it('finds a forged lease and an altered mount table', () => {
    for (const [row, check] of [
      ['core/lease', 'lease'],
      ['core/mounts', 'mount table'],
    ] as const) {
      old();
      alterRow((path) => path === row, flipLast);
      const { checks, status } = diagnose();
      expect(status).toBe(4);
      expect(checks.filter(({ status: each }) => each === 'failure').map(({ name }) => name)).toEqual([check]);
      if (check === 'lease') stand.remove();
    }
  });
});
