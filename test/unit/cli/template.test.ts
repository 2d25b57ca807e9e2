import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTemplate, referencesOf, render } from '../../../src/cli/template.ts';

const filled = (text: string): string =>
  render(parseTemplate(text, 'app.conf'), ({ path, field }) => `<${path}|${field}>`);

describe('a template', () => {
  it.each([
    ['key = coffer://secret/app#key', 'key = <secret/app|key>'],
    ['"coffer://secret/app#key",', '"<secret/app|key>",'],
    ['x://coffer://db#user:coffer://db#pass-word@host/app', 'x://<db|user>:<db|pass-word>@host/app'],
    ['{{ coffer://secret/my app#a/b@c }}!', '<secret/my app|a/b@c>!'],
    ['{{coffer://secret/app#key}}{{coffer://secret/app#b}}', '<secret/app|key><secret/app|b>'],
    ['{coffer://secret/app#key}', '{<secret/app|key>}'],
    ['coffer://secret/a%23b#größe%25', '<secret/a#b|größe%>'],
    ['{{ .Values.x }} ${HOME} coffer:/x', '{{ .Values.x }} ${HOME} coffer:/x'],
    ['', ''],
  ])('%j is filled in', (text, expected) => {
    expect(filled(text)).toBe(expected);
  });

  it('is not looked through again once it is filled in', () => {
    expect(render(parseTemplate('coffer://a#b', 't'), () => 'coffer://c#d $& $1')).toBe('coffer://c#d $& $1');
  });

  it('keeps every text without a reference as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('coffer://'));
        expect(filled(text)).toBe(text);
      }),
    );
  });

  it('takes every reference in braces', () => {
    const part = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => /^[^#%{}/\s]+$/u.test(text));
    fc.assert(
      fc.property(part, part, (path, field) => {
        expect(referencesOf(parseTemplate(`a {{ coffer://${path}#${field} }} b`, 't'))).toEqual([{ path, field }]);
      }),
    );
  });

  it.each(['a\nb coffer:// c', 'a\ncoffer://secret/app', 'a\n{{ coffer://hunter2 }}', 'a\n{{ coffer://a#b#c }}'])(
    'is refused with the line of a reference that is not whole: %j',
    (text) => {
      expect(() => parseTemplate(text, 'app.conf')).toThrow(
        'app.conf (line 2): coffer:// does not begin a whole reference',
      );
    },
  );
});
