import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it, vi } from 'vitest';
import { readTree } from '../tree/vectors.ts';

const { machines } = readTree();

/** The id of a machine with this text in /etc/machine-id, or without that file; a process asks once. */
async function idWith(text: string | null): Promise<string> {
  const real = fs.readFileSync;
  const read = (...args: Parameters<typeof fs.readFileSync>): string | Buffer => {
    if (args[0] !== '/etc/machine-id') return real(...args);
    if (text === null) throw Object.assign(new Error('not there'), { code: 'ENOENT' });
    return text;
  };
  vi.resetModules();
  Object.assign(fs, { readFileSync: read });
  syncBuiltinESMExports();
  try {
    const { thisMachine } = await import('../../../src/core/machine.ts');
    return thisMachine().id;
  } finally {
    Object.assign(fs, { readFileSync: real });
    syncBuiltinESMExports();
  }
}

describe('the id of a machine', () => {
  it.each(machines)('is as in the vector: $id', async ({ machine_id: machineId, id }) => {
    expect(await idWith(machineId === '' ? null : `${machineId}\n`)).toBe(id);
  });

  it('is that of a machine without one where the file has anything else in it', async () => {
    const without = machines.find(({ machine_id: machineId }) => machineId === '')?.id;
    for (const text of ['', 'uninitialized\n', 'ab\n', 'g'.repeat(32)]) expect(await idWith(text), text).toBe(without);
  });
});
