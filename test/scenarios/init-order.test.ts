import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeStand, readRows, type Stand } from '../support/store.ts';

let stand: Stand;
beforeEach(() => {
  stand = makeStand({ shim: true });
});
afterEach(() => stand.remove());

const isThere = (): boolean => {
  try {
    return readRows(stand.path).some(({ path }) => path === 'core/record');
  } catch {
    return false; // not yet a database, or locked
  }
};

describe('the recovery shares', () => {
  it('are shown when their store is there, and not before', async () => {
    const pipe = join(stand.dir, 'pipe');
    // A pipe that is full: `init` stands still where it shows the first byte.
    const line = `mkfifo ${pipe}; exec 9<>${pipe}; head -c 65536 /dev/zero >&9; coffer init -recovery-shares=1 -recovery-threshold=1 >${pipe}; echo "exit $?" >&9`;
    const ended = stand.shell(line);
    while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 50));
    let shown = '';
    const reading = createReadStream(pipe, { encoding: 'utf8' });
    reading.on('data', (text) => (shown += String(text)));
    await ended;
    while (!shown.includes('exit ')) await new Promise((resolve) => setTimeout(resolve, 20));
    reading.destroy();
    expect(shown).toMatch(/Recovery Key 1: \S{44}\n[^]*exit 0\n$/);
  });

  it('that cannot be written leave no store, and the next init makes one', async () => {
    const failed = await stand.shell('exec coffer init >/dev/full');
    expect(failed).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('error: cannot write to stdout: no space left on device') as unknown,
    });
    expect(stand.run(['init', '-status']).status).toBe(2);
    const unread = await stand.shell(
      'mkfifo gone; true <gone & exec 3>gone; wait; coffer init >&3; echo "status $?" >&2',
    );
    expect(unread.stderr).toMatch(/error: cannot write to stdout: broken pipe\nstatus 1\n$/);
    expect(stand.run(['init', '-status']).status).toBe(2);
    expect(stand.run(['init', '-field=nothing'])).toMatchObject({ status: 1, stdout: '' });
    expect(stand.run(['init', '-status']).status).toBe(2);
    expect(stand.ok('init')).toContain('Recovery Key 5: ');
    stand.ok('unseal');
  });

  it('are not shown where the module ends the process before the store is there', () => {
    for (const fault of ['misbehave:C_GenerateKey:abort:2', 'misbehave:C_Verify:exit-0', 'misbehave:C_Decrypt:segv']) {
      expect(stand.run(['init'], { env: { COFFER_SHIM_FAULT: fault } })).toMatchObject({ status: 3, stdout: '' });
      expect(stand.run(['init', '-status']).status).toBe(2);
    }
    const { status, stdout, stderr } = stand.run(['init'], { env: { COFFER_SHIM_FAULT: 'misbehave:C_Finalize:segv' } });
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('crashed (SIGSEGV) in C_Finalize') as unknown,
    });
    expect(stdout).toContain('Recovery Key 5: ');
    stand.ok('unseal');
  });
});
