import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openCryptoki } from '../support/modules/opencryptoki.ts';
import { conformance } from './suite.ts';

await conformance(openCryptoki);

describe.skipIf(openCryptoki.missing !== null)('a token of openCryptoki', () => {
  it('leaves no daemon behind', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'coffer-daemon-'));
    try {
      const token = await openCryptoki.create(dir);
      const mounts = mountsOf(token.enter[token.enter.indexOf('--target') + 1] ?? '');
      expect(processesWith(mounts)).toContain('pkcsslotd');
      token.remove();
      await vi.waitFor(() => expect(processesWith(mounts)).toEqual([]), { timeout: 30_000 });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

/** The mount namespace of a process, or null where it has ended. */
function mountsOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return null;
  }
}

/** The names of the programs in a mount namespace. */
function processesWith(mounts: string | null): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && mountsOf(name) === mounts);
  return pids.map((pid) => basename(readlinkSync(`/proc/${pid}/exe`)));
}
