import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Spool } from '../../../../src/cli/import/spool.ts';
import { Seen } from '../../../../src/cli/import/seen.ts';

describe('a spool', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'coffer-spool-'));
    vi.stubEnv('TMPDIR', folder);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** The file behind the spool, which has no name any more. */
  const contents = (): Buffer => {
    const open = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
      } catch {
        return false;
      }
    });
    expect(open).toHaveLength(1);
    return readFileSync(`/proc/self/fd/${open[0] ?? ''}`);
  };

  it.each([0, 1, 65_535, 65_536, 65_537, 300_000])('gives %i bytes again, as often as they are asked for', (size) => {
    const bytes = randomBytes(size);
    const chunks = Array.from({ length: Math.ceil(size / 70_001) }, (_, at) =>
      bytes.subarray(at * 70_001, (at + 1) * 70_001),
    );
    const spool = new Spool(chunks);
    try {
      expect(spool.size).toBe(size);
      for (let time = 0; time < 2; time++) expect(Buffer.concat([...spool.read()]).equals(bytes)).toBe(true);
    } finally {
      spool.close();
    }
  });

  it('takes what comes bit by bit, and closes its file where that ends too early', async () => {
    const bytes = randomBytes(200_000);
    const parts = async function* (fails: boolean): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 999) yield await Promise.resolve(bytes.subarray(at, at + 999));
      if (fails) throw new Error('cut');
    };
    const spool = await Spool.of(parts(false));
    try {
      expect(Buffer.concat([...spool.read()]).equals(bytes)).toBe(true);
    } finally {
      spool.close();
    }
    const before = readdirSync('/proc/self/fd').length;
    await expect(Spool.of(parts(true))).rejects.toThrow('cut');
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('has no name, and nothing in clear', () => {
    const spool = new Spool([Buffer.from('hunter2 '.repeat(20_000))]);
    try {
      expect(readdirSync(folder)).toEqual([]);
      expect(contents().length).toBeGreaterThan(160_000);
      expect(contents().includes('hunter2')).toBe(false);
    } finally {
      spool.close();
    }
  });
});

describe('what was seen', () => {
  it('is known again among many, and nothing else is', () => {
    const seen = new Seen();
    for (let at = 0; at < 5000; at++) expect(seen.add(`secret/${at}`)).toBe(false);
    for (let at = 0; at < 5000; at++) expect(seen.add(`secret/${at}`)).toBe(true);
  });
});
