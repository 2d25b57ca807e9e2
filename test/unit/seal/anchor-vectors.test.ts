import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import { type Session, withSession } from '../../../src/pkcs11/index.ts';
import { Anchor } from '../../../src/seal/anchor.ts';
import { NO_MEMORY, PLAIN_LOGIN } from '../../support/login.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';
import { bytes, the } from '../../support/vectors.ts';
import { readTree } from '../tree/vectors.ts';

/** The bytes of an anchor in a real token, against those of fixtures/formats. */
const { anchors } = readTree();
/** Of the package opensc. */
const TOOL = '/usr/bin/pkcs11-tool';
const dir = mkdtempSync(join(tmpdir(), 'coffer-anchor-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let hsm: SoftHsm;
beforeAll(() => {
  hsm = createSoftHsm({ dir });
});

function inToken<T>(use: (session: Session) => T): Promise<T> {
  Object.assign(process.env, hsm.env);
  const options = {
    module: { lib: hsm.lib, parameters: null },
    token: { slot: null, label: hsm.label, serial: null, manufacturer: null, model: null },
    readWrite: true,
    pin: async () => hsm.pin,
    ...PLAIN_LOGIN,
    pinMemory: NO_MEMORY,
  };
  return withSession(options, async (session) => use(session));
}

function forget(session: Session, label: string): void {
  for (const object of session.findData(label)) session.destroyData(object);
}

describe('an anchor', () => {
  it.each(anchors)(
    'is written as the vector says: change $counter',
    async ({ store_id: storeId, counter, digest, label, value }) => {
      await inToken((session) => {
        forget(session, label);
        new Anchor(session, storeId).raise({ counter, digest: bytes(digest) });
        expect(session.findData(label).map((object) => hex(object.value))).toEqual([value]);
      });
    },
  );

  it.each(anchors)(
    'is read as the vector says: change $counter',
    async ({ store_id: storeId, counter, digest, label, value }) => {
      await inToken((session) => {
        forget(session, label);
        session.createData(label, bytes(value));
        expect(new Anchor(session, storeId).read()).toEqual({ counter, digest: bytes(digest) });
      });
    },
  );

  it.skipIf(!existsSync(TOOL))('is none that somebody made without the PIN', async () => {
    const [low, high] = [the(anchors[0]), the(anchors[1])];
    const path = join(dir, 'planted');
    writeFileSync(path, bytes(high.value));
    const object = ['--write-object', path, '--type', 'data', '--label', low.label, '--application-label', 'coffer'];
    execFileSync(TOOL, ['--module', hsm.lib, '--token-label', hsm.label, ...object], {
      env: { ...process.env, ...hsm.env },
      stdio: 'pipe',
    });
    await inToken((session) => {
      forget(session, low.label);
      const anchor = new Anchor(session, low.store_id);
      expect(anchor.read()).toBeNull();
      anchor.raise({ counter: low.counter, digest: bytes(low.digest) });
      expect(anchor.read()?.counter).toBe(low.counter);
    });
  });

  it('is the higher of two, and nothing that is not one', async () => {
    const [low, high] = [the(anchors[0]), the(anchors[1])];
    const whole = bytes(high.value);
    await inToken((session) => {
      forget(session, high.label);
      const others = [whole.slice(1), Uint8Array.of(...whole, 0), Uint8Array.of(2, ...whole.slice(1))];
      for (const value of [low.value, high.value].map(bytes)) session.createData(high.label, value);
      for (const value of others) session.createData(high.label, value);
      const anchor = new Anchor(session, high.store_id);
      expect(anchor.read()?.counter).toBe(high.counter);
      anchor.reset({ counter: low.counter, digest: bytes(low.digest) });
      expect(session.findData(high.label).map(({ value }) => hex(value))).toEqual([low.value]);
    });
  });
});
