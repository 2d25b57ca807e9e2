import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { Invocation } from '../../../src/cli/command.ts';
import { printObject } from '../../../src/cli/output.ts';
import { layOut } from '../../../src/cli/layout.ts';
import { columns } from '../../../src/cli/table.ts';
import { type JsonObject, parseJson, stringifyJson } from '../../../src/json.ts';
import { shellWord } from '../../../src/shell.ts';
import { hasHidden, visible, visibleJson } from '../../../src/visible.ts';
import { hostileText, RAW } from '../../support/hostile.ts';

/** Every character of a range of code points. */
const each = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => String.fromCodePoint(from + at));

describe('visible text', () => {
  it('has none of the characters that a terminal obeys or hides', () => {
    const all = [
      ...each(0, 0x1f),
      ...each(0x7f, 0x9f),
      '\u061c',
      ...each(0x200b, 0x200f),
      ...each(0x2028, 0x202e),
      ...each(0x2060, 0x206f),
      '\u00ad',
      '\u3164',
      '\ufeff',
      ...each(0xd800, 0xdfff),
      ...each(0xe0000, 0xe007f),
    ];
    for (const character of all) {
      expect(visible(`a${character}b`), character.codePointAt(0)?.toString(16)).toMatch(/^a\\[nrtxuU][0-9a-f]*b$/);
      expect(hasHidden(character)).toBe(true);
    }
  });

  it('is escaped where Unicode says that a display may leave it out, and nowhere else', () => {
    const hidden = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u;
    const different = each(0, 0x10ffff).filter((character) => hasHidden(character) !== hidden.test(character));
    expect(different.map((character) => character.codePointAt(0)?.toString(16))).toEqual([]);
  });

  it('is the same text where there is nothing to show', () => {
    for (const text of ['', 'plain', 'Zürich', 'ключ', '鍵', '😀', 'e\u0301', 'a\u00a0b', '\\x1b', 'ا\u0600']) {
      expect(visible(text)).toBe(text);
      expect(hasHidden(text)).toBe(false);
    }
  });

  it('keeps what the place takes', () => {
    expect(visible('a\nb\tc\r')).toBe('a\\nb\\tc\\r');
    expect(visible('a\nb\tc\r', '\n')).toBe('a\nb\\tc\\r');
    expect(visible('a\nb\tc\r', '\n\t')).toBe('a\nb\tc\\r');
  });

  it('is JSON that means the same', () => {
    fc.assert(
      fc.property(fc.dictionary(hostileText(), hostileText()), (data) => {
        const json = visibleJson(JSON.stringify(data));
        expect(json).not.toMatch(RAW);
        expect(JSON.parse(json)).toEqual(data);
      }),
    );
  });
});

describe('a table', () => {
  it('has one line for each row, whatever is in the cells', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(hostileText(), hostileText()), { maxLength: 5 }), async (rows) => {
        const table = await layOut(columns(['Key', 'Value'], rows), null);
        expect(table).not.toMatch(RAW);
        expect(table.split('\n')).toHaveLength(rows.length + 2);
      }),
    );
  });
});

describe('YAML', () => {
  async function print(object: JsonObject): Promise<string> {
    const lines: string[] = [];
    // As the terminal prints: what it would show is in double quotes already, so that nothing changes its meaning.
    const terminal = { print: (text: string) => void lines.push(`${visible(text, '\n')}\n`) } as Invocation['terminal'];
    await printObject({ terminal, format: 'yaml', field: null }, object, () => '');
    return lines.join('');
  }

  it('means the same after the terminal has made it visible', async () => {
    const value = fc.oneof(
      hostileText(),
      hostileText().map((text) => ({ [text]: [text, `${text}\n`, `\n\n${text}`] })),
      fc.constantFrom(' \n', '\n\n ', 'a\n', 'a\n\n', '\n', ' a\nb\n', 'a\tb\n', ''),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(hostileText(), value), async (data) => {
        const yaml = await print(parseJson(JSON.stringify(data)) as JsonObject);
        expect(yaml).not.toMatch(RAW);
        expect(parseYaml(yaml)).toEqual(JSON.parse(stringifyJson(data)));
      }),
      { numRuns: 300 },
    );
  });

  it('has lines of text as a block where they hold nothing else', async () => {
    expect(await print({ a: 'one\ntwo\n' })).toBe('a: |\n  one\n  two\n');
  });
});

describe('a word of a command', () => {
  const words = fc.sample(
    hostileText({ wellFormed: true }).map((text) => text.replaceAll('\0', '')),
    { numRuns: 400, seed: 1 },
  );

  it('is visible', () => {
    for (const word of words) expect(shellWord(word)).not.toMatch(RAW);
    expect(shellWord('/usr/lib/softhsm/libsofthsm2.so')).toBe('/usr/lib/softhsm/libsofthsm2.so');
    expect(shellWord('')).toBe("''");
    expect(shellWord("it's")).toBe(String.raw`'it'\''s'`);
    expect(shellWord("\x1b'")).toBe(String.raw`$'\033\047'`);
  });

  function given(shell: string, list: readonly string[]): string[] {
    const dir = mkdtempSync(join(tmpdir(), 'coffer-shell-'));
    try {
      const script = `printf '%s\\0' ${list.map(shellWord).join(' ')}`;
      const { status, stdout, stderr } = spawnSync(shell, ['-c', script], { cwd: dir, encoding: 'utf8' });
      expect({ status, stderr, files: readdirSync(dir) }).toEqual({ status: 0, stderr: '', files: [] });
      return stdout.split('\0').slice(0, -1);
    } finally {
      rmSync(dir, { recursive: true });
    }
  }

  it('is one word to any shell, and runs nothing', () => {
    expect(given('/bin/sh', words)).toHaveLength(words.length);
  });

  it('is the word itself to any shell where nothing is hidden in it', () => {
    const plain = words.filter((word) => !hasHidden(word));
    expect(plain.length).toBeGreaterThan(40);
    expect(given('/bin/sh', plain)).toEqual(plain);
  });

  it.skipIf(!existsSync('/bin/bash'))("is the word itself to a shell that knows $'...'", () => {
    expect(given('/bin/bash', words)).toEqual(words);
  });
});
