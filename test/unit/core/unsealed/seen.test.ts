import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Context } from '../../../../src/core/context.ts';
import { SeenMemory } from '../../../../src/core/unsealed/seen.ts';
import { replacePrivateFile } from '../../../../src/private-files.ts';
import { bytes, the } from '../../../support/vectors.ts';
import { makeHome, sealWith } from '../../config/home.ts';
import { readTree } from '../../tree/vectors.ts';

/** Against the vectors of fixtures/formats. */
const { memories } = readTree();

async function contextAt(path: string): Promise<Pick<Context, 'config'> & { readonly state: string }> {
  const home = makeHome();
  const config = await home.load(home.write('c.hcl', sealWith()));
  const state = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-seen-')));
  onTestFinished(() => rmSync(state, { recursive: true, force: true }));
  return { config: { ...config, storage: { type: 'sqlite', path } }, state };
}

describe('what a machine remembers of a store', () => {
  it.each(memories)(
    'is written as the vector says: $path',
    async ({ store_id: storeId, path, name, counter, digest, text }) => {
      const context = await contextAt(path);
      new SeenMemory(context, storeId).remember({ counter, digest: bytes(digest) });
      expect(readdirSync(join(context.state, 'seen'))).toEqual([name]);
      expect(readFileSync(join(context.state, 'seen', name), 'utf8')).toBe(text);
    },
  );

  it.each(memories)(
    'is read as the vector says: $path',
    async ({ store_id: storeId, path, name, counter, digest, text }) => {
      const context = await contextAt(path);
      replacePrivateFile(join(context.state, 'seen', name), text);
      expect(new SeenMemory(context, storeId).recall()).toEqual({ counter, digest: Buffer.from(digest, 'hex') });
    },
  );

  it('is never lowered, but where the operator says so, and a copy elsewhere has one of its own', async () => {
    const { store_id: storeId, path } = the(memories[0]);
    const context = await contextAt(path);
    const memory = new SeenMemory(context, storeId);
    const state = (counter: number): { counter: number; digest: Uint8Array } => ({
      counter,
      digest: new Uint8Array(16).fill(counter),
    });
    memory.remember(state(7));
    memory.remember(state(6));
    expect(memory.recall()?.counter).toBe(7);
    memory.remember(state(3), { lower: true });
    expect(memory.recall()?.counter).toBe(3);
    const elsewhere = {
      ...context,
      config: { ...context.config, storage: { type: 'sqlite', path: `${path}.copy` } as const },
    };
    expect(new SeenMemory(elsewhere, storeId).recall()).toBeNull();
    expect(new SeenMemory({ ...context, state: null }, storeId).recall()).toBeNull();
  });

  it('counts for nothing where the file has anything else in it', async () => {
    const { store_id: storeId, path, name, text } = the(memories[0]);
    const context = await contextAt(path);
    const memory = new SeenMemory(context, storeId);
    for (const other of ['', text.trim(), ` ${text}`, text.replace('seen 1', 'seen 2'), `${text}${text}`]) {
      replacePrivateFile(join(context.state, 'seen', name), other);
      expect(existsSync(join(context.state, 'seen', name))).toBe(true);
      expect(memory.recall(), JSON.stringify(other)).toBeNull();
    }
  });
});
