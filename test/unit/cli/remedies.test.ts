import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import type { Flags } from '../../../src/cli/command.ts';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { GLOBAL_FLAGS } from '../../../src/cli/flags.ts';
import { hintText, IN_DATA } from '../../../src/cli/remedies.ts';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));
const SPECIFIED: readonly Flags[] = [GLOBAL_FLAGS, ...COMMANDS.map(({ flags }) => flags)];
const FLAGS = new Set(
  SPECIFIED.flatMap((flags) => Object.entries(flags).flatMap(([name, { aliases = [] }]) => [name, ...aliases])),
);

/** Texts of other programs' command lines. Those with two dashes are never coffer's. */
const OTHERS = /openssl |chmod |chown /;

/** The flags that the string literals and the parts of templates of a source name. */
function flagsIn(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
    if (isText && !OTHERS.test(node.text))
      found.push(...[...node.text.matchAll(/(?<![\w-])-([a-z][a-z-]*)/g)].flatMap(([, name = '']) => name));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest));
  return found.filter((name) => FLAGS.has(name));
}

describe('the floors below cli', () => {
  it('name no flag of a command', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /^(?!cli\/).*\.ts$/.test(file),
    );
    expect(files.length).toBeGreaterThan(100);
    const named = files.flatMap((file) => flagsIn(readFileSync(SRC + file, 'utf8')).map((name) => `${file}: -${name}`));
    expect(named).toEqual([]);
  });

  it('are looked through for literals and templates, not for what only looks like a flag', () => {
    const source =
      "a('give -cas=1'); b(`x ${c} or -slot ${d}`); e('SQLite keeps -wal', 'openssl x509 -noout', 'seal-wrap');";
    expect(flagsIn(source)).toEqual(['cas', 'slot']);
  });
});

describe('a hint', () => {
  it('is spelt with the flags of the command that shows it', () => {
    const hint = ['the current version is 3: ', { remedy: 'match-version' }, '3'] as const;
    expect(hintText(hint)).toBe('the current version is 3: give -cas=3');
    expect(hintText(hint, IN_DATA)).toBe('the current version is 3: set cas in options to 3');
  });

  it('has no blank at its ends where a part is empty', () => {
    expect(hintText(['look there. ', ''])).toBe('look there.');
    expect(hintText(['', '\nor here'])).toBe('or here');
  });
});
