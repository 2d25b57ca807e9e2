import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pinMemory } from '../../../src/core/pin-memory.ts';
import { startChild } from '../../support/child.ts';

const token = {
  slot: 1n,
  label: 'demo',
  serial: 'a1',
  model: 'm',
  manufacturer: 'f',
  flags: 0,
  pinBytes: null,
} as const;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'coffer-pins-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const state = (): string => join(dir, 'state', 'coffer');
const folder = (): string => join(state(), 'refused-pins');
const files = (): string[] => readdirSync(folder()).map((name) => join(folder(), name));
const file = (): string => files()[0] ?? '';

/** PINs that the file does not take for one of `refused`: one in about a thousand it does. */
function others(refused: readonly string[]): string[] {
  const memory = pinMemory(state()).recall(token, 'user');
  return Array.from({ length: 12 }, (_, at) => `other-${at}`).filter(
    (pin) => !refused.includes(pin) && memory?.includes(pin) === false,
  );
}

describe('the memory of PINs that were refused', () => {
  it('is nothing at all until there is one, and makes no folder', () => {
    const memory = pinMemory(state());
    expect(memory.recall(token, 'user')).toBeNull();
    memory.forget(token, 'user');
    expect(existsSync(join(dir, 'state'))).toBe(false);
  });

  it('knows each PIN that was refused, and hardly any other', () => {
    const memory = pinMemory(state());
    const refused = ['1111', '2222', 'pässwörd'];
    for (const pin of refused) expect(memory.remember(token, 'user', pin)).toBeNull();
    const refusals = pinMemory(state()).recall(token, 'user');
    for (const pin of refused) expect(refusals?.includes(pin)).toBe(true);
    expect(others(refused).length).toBeGreaterThanOrEqual(9);
  });

  it('is for one token and one user of it', () => {
    const memory = pinMemory(state());
    memory.remember(token, 'user', '1111');
    expect(memory.recall(token, 'so')).toBeNull();
    for (const other of [{ serial: 'a2' }, { label: 'other' }, { model: 'n' }, { manufacturer: 'g' }])
      expect(memory.recall({ ...token, ...other }, 'user')).toBeNull();
    // It is the same token in another slot, and with other flags.
    expect(memory.recall({ ...token, slot: 7n, flags: 0x10000 }, 'user')?.includes('1111')).toBe(true);
  });

  it('is gone when it is forgotten', () => {
    const memory = pinMemory(state());
    memory.remember(token, 'user', '1111');
    memory.remember(token, 'so', '2222');
    memory.forget(token, 'user');
    expect(memory.recall(token, 'user')).toBeNull();
    expect(memory.recall(token, 'so')?.includes('2222')).toBe(true);
  });

  it('is for its owner alone', () => {
    pinMemory(state()).remember(token, 'user', '1111');
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
  });

  it('keeps ten bits of a PIN and no more, under a salt of its own each time', () => {
    const texts = [0, 1].map(() => {
      pinMemory(state()).remember(token, 'user', '1111');
      const text = readFileSync(file(), 'utf8');
      pinMemory(state()).forget(token, 'user');
      return text;
    });
    for (const text of texts) expect(text).toMatch(/^coffer refused pins 1 [0-9a-f]{32}\n[0-3][0-9a-f]{2}\n$/);
    expect(texts[0]).not.toBe(texts[1]);
  });

  it('does not grow without end, and keeps the newest', () => {
    const memory = pinMemory(state());
    for (let at = 0; at < 20; at++) memory.remember(token, 'user', `pin-${at}`);
    expect(readFileSync(file(), 'utf8').trim().split('\n').length).toBeLessThanOrEqual(17);
    expect(memory.recall(token, 'user')?.includes('pin-19')).toBe(true);
    expect(files()).toHaveLength(1);
  });

  it.each(['', 'x', 'coffer refused pins 1 ', 'coffer refused pins 2 00112233445566778899aabbccddeeff\n111\n'])(
    'that is damaged knows nothing, and is made anew: %j',
    (text) => {
      const memory = pinMemory(state());
      memory.remember(token, 'user', '1111');
      writeFileSync(file(), text);
      expect(memory.recall(token, 'user')).toBeNull();
      expect(memory.remember(token, 'user', '1111')).toBeNull();
      expect(memory.recall(token, 'user')?.includes('1111')).toBe(true);
    },
  );

  it('follows no link and believes nothing that others can write', () => {
    const memory = pinMemory(state());
    memory.remember(token, 'user', '1111');
    const [path, there] = [file(), readFileSync(file())];
    chmodSync(path, 0o622);
    expect(memory.recall(token, 'user')).toBeNull();
    rmSync(path);
    const victim = join(dir, 'victim');
    writeFileSync(victim, there, { mode: 0o600 });
    symlinkSync(victim, path);
    expect(memory.recall(token, 'user')).toBeNull();
    memory.remember(token, 'user', '2222');
    expect(readFileSync(victim)).toEqual(there);
  });

  it('says why it cannot be kept', () => {
    const nowhere = pinMemory(null);
    expect(nowhere.canRemember(token, 'user')).toBe(false);
    expect(nowhere.remember(token, 'user', '1111')).toBe('there is no home directory');
    writeFileSync(join(dir, 'file'), '');
    const below = pinMemory(join(dir, 'file', 'coffer'));
    expect(below.canRemember(token, 'user')).toBe(false);
    expect(below.remember(token, 'user', '1111')).toMatch(/^\/.*: not a directory$/);
    expect(below.recall(token, 'user')).toBeNull();
    mkdirSync(join(dir, 'open'));
    chmodSync(join(dir, 'open'), 0o777);
    const exposed = pinMemory(join(dir, 'open', 'coffer'));
    expect(exposed.canRemember(token, 'user')).toBe(false);
    expect(exposed.remember(token, 'user', '1111')).toContain('other users can write');
    expect(pinMemory(state()).canRemember(token, 'user')).toBe(true);
  });

  it('loses none of what several commands remember at the same time', async () => {
    const pins = Array.from({ length: 6 }, (_, at) => `pin-${at}`);
    pinMemory(state()).remember(token, 'user', 'first');
    const child = (pin: string): string => `
      import { pinMemory } from './src/core/pin-memory.ts';
      const token = { slot: 1n, label: 'demo', serial: 'a1', model: 'm', manufacturer: 'f', flags: 0, pinBytes: null };
      console.log(pinMemory(${JSON.stringify(state())}).remember(token, 'user', ${JSON.stringify(pin)}));
    `;
    const ended = await Promise.all(pins.map(async (pin) => startChild(child(pin), {}).ended));
    expect(ended.map(({ stdout }) => stdout)).toEqual(pins.map(() => 'null\n'));
    const refusals = pinMemory(state()).recall(token, 'user');
    expect(['first', ...pins].filter((pin) => refusals?.includes(pin) !== true)).toEqual([]);
  });
});
