import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealStore, unsealStore, withMounts, type Context, type Machine } from '../../src/core/index.ts';
import { COFFER } from '../support/program.ts';
import { contextOf, copyStore, makeStand, OWN_ROWS, readRows, type Outcome, type Stand } from '../support/store.ts';

const OTHER_BOOT = '00000000-0000-4000-8000-000000000000';

/** Whether this process may give a child another boot id. */
const mayChangeBoot = spawnSync('unshare', ['-rm', 'true']).status === 0;

describe('an unsealed store', () => {
  let stand: Stand;
  let context: Context;
  beforeAll(async () => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'v=w');
    context = await contextOf(stand);
  });
  afterAll(() => stand.remove());

  const secrets = (changes: Partial<Machine>, autoUnseal = false): Promise<unknown> =>
    withMounts(
      { ...context, machine: () => ({ ...context.machine(), ...changes }), config: { ...context.config, autoUnseal } },
      'read',
      async (mounts) => mounts.table.length,
    );

  /** Runs coffer as after a reboot, or on another machine. */
  function afterReboot(args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
    const bootId = stand.write('boot_id', `${OTHER_BOOT}\n`);
    const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
    const done = spawnSync('unshare', ['-rm', 'sh', '-c', script, bootId, ...COFFER, ...args], {
      cwd: stand.dir,
      env: { ...stand.env, ...env },
      encoding: 'utf8',
    });
    return { status: done.status, signal: done.signal, stdout: done.stdout, stderr: done.stderr };
  }

  it('is open in this process', async () => {
    expect(await secrets({})).toBe(1);
  });

  it('is sealed after a reboot', async () => {
    await expect(secrets({ bootId: OTHER_BOOT })).rejects.toMatchObject({ code: 'sealed', exitStatus: 2 });
  });

  it.runIf(mayChangeBoot)('is sealed after a reboot, says the command, and asks the HSM nothing', () => {
    stand.shim?.clear();
    expect(afterReboot(['status', '-field=sealed'])).toMatchObject({ status: 2, stdout: 'true' });
    expect(afterReboot(['kv', 'get', 'kv/a'])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'error: the store is sealed\nhint: open it with: coffer unseal\n',
    });
    expect(stand.shim?.calls()).toEqual([]);
  });

  it.runIf(mayChangeBoot)('can be unsealed there, which seals it here', () => {
    const path = copyStore(stand.path, `${stand.dir}/elsewhere`);
    const env = { COFFER_STORAGE_PATH: path };
    expect(afterReboot(['unseal'], env)).toMatchObject({ status: 0 });
    expect(afterReboot(['kv', 'get', '-field=v', 'kv/a'], env)).toMatchObject({ status: 0, stdout: 'w' });
    expect(stand.run(['kv', 'get', 'kv/a'], { env })).toMatchObject({ status: 2 });
  });

  it.runIf(mayChangeBoot)('is opened by the first command after a reboot where auto_unseal is on', () => {
    const path = copyStore(stand.path, `${stand.dir}/automatic`);
    const env = {
      COFFER_STORAGE_PATH: path,
      COFFER_CONFIG: stand.write('auto.hcl', `auto_unseal = true\n${readConfiguration()}`),
    };
    expect(afterReboot(['kv', 'get', '-field=v', 'kv/a'], env)).toMatchObject({ status: 0, stdout: 'w' });
    expect(afterReboot(['status', '-field=sealed'], env)).toMatchObject({ status: 0, stdout: 'false' });
    expect(afterReboot(['seal'], env)).toMatchObject({ status: 0 });
    expect(stand.run(['kv', 'get', 'kv/a'], { env })).toMatchObject({ status: 2 });
  });

  function readConfiguration(): string {
    return execFileSync('cat', [stand.config], { encoding: 'utf8' });
  }

  it('opens by itself after a reboot with auto_unseal, but not after a seal', async () => {
    expect(await secrets({ bootId: OTHER_BOOT }, true)).toBe(1);
    expect(stand.run(['status', '-field=sealed'])).toMatchObject({ status: 2, stdout: 'true' }); // that lease is for the other boot
    stand.ok('unseal');
    stand.ok('seal');
    await expect(secrets({ bootId: OTHER_BOOT }, true)).rejects.toMatchObject({ code: 'sealed' });
    stand.ok('unseal');
  });

  it('is sealed at the very end of its -ttl, counted by uptime, whatever the clock says', async () => {
    const machine = context.machine();
    await unsealStore({ ...context, machine: () => machine }, 60_000);
    expect(await secrets({ uptime: machine.uptime + 59_999, now: machine.now + 1e10 })).toBe(1);
    await expect(secrets({ uptime: machine.uptime + 60_000 })).rejects.toMatchObject({ code: 'sealed' });
    await expect(secrets({ uptime: machine.uptime + 60_000 }, true)).rejects.toMatchObject({ code: 'sealed' });
    await unsealStore(context, null);
  });

  it('is open on each machine by itself', async () => {
    const other = { id: 'ab'.repeat(16), bootId: OTHER_BOOT };
    const there = { ...context, machine: () => ({ ...context.machine(), ...other }) };
    await expect(secrets(other)).rejects.toMatchObject({ code: 'sealed' });
    await unsealStore(there, null);
    expect(await secrets(other)).toBe(1);
    expect(await secrets({})).toBe(1);
    stand.ok('seal');
    expect(await secrets(other), 'the seal of one machine is none of another').toBe(1);
    await expect(secrets({})).rejects.toMatchObject({ code: 'sealed' });
    await sealStore(there);
    await expect(secrets(other)).rejects.toMatchObject({ code: 'sealed' });
    stand.ok('unseal');
    await expect(secrets(other)).rejects.toMatchObject({ code: 'sealed' });
  });

  it('forgets its lease when it is sealed', () => {
    stand.ok('seal');
    const { lease, sealedByOperator } = OWN_ROWS;
    const paths = (): string[] => readRows(stand.path).map(({ path }) => path);
    expect(paths()).not.toContain(lease);
    expect(paths()).toContain(sealedByOperator);
    stand.ok('unseal');
    expect(paths()).toContain(lease);
    expect(paths()).not.toContain(sealedByOperator);
  });
});
