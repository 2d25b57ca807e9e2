import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanHcl, type Selection } from '../../../src/config/scan.ts';
import { parseJson } from '../../../src/config/json.ts';
import { loadParser } from '../../../src/config/parser.ts';
import { ConfigError } from '../../../src/errors.ts';

const selection: Selection = {
  stanza: (name, labels) => name === 'seal' && labels.length === 1 && labels[0] === 'pkcs11',
  key: (name) => name === 'auto_unseal',
  isPublic: (name) => name === 'lib' || name === 'slot',
};

const scan = (text: string): ReturnType<typeof scanHcl> => scanHcl('c.hcl', text, selection);

/** What hcl2-parser makes of a text, or null where it fails. */
const parse = await loadParser();

/** A string as HCL writes it. */
function quote(value: string): string {
  const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' };
  return `"${value.replaceAll(/[\n\r\t"\\]/g, (one) => named[one] ?? one).replaceAll(/[$%](?=\{)/g, '$&$&')}"`;
}

/** Text without the signs that can meet the next one: `$` before `$${` means something else. */
const plain = fc
  .string({ unit: fc.oneof(fc.constantFrom('$', '%', '{', '${', '%{', '"', '\\', '\n', '#'), fc.string({ unit: 'binary', maxLength: 1 })) })
  .filter((text) => !/[$%]{2,}\{/.test(text));

/** Pieces of HCL, whole and broken, so that random texts come near to what people write. */
const piece = fc.constantFrom(
  ...['seal', 'pkcs11', '"pkcs11"', 'pin', 'lib', 'slot', 'auto_unseal', 'ui', 'true', '12', '010', '0x1', '-1', '1e3'],
  ...[' ', '\n', '\r\n', '\r', '\t', '=', '==', ':', ',', ';', '{', '}', '[', ']', '(', ')', '"', "'", '\\', '\\n', '\\u00e9'],
  ...['#', '//', '/*', '*/', '<<EOF\n', '<<-EOF\n', 'EOF\n', '${', '$${', '%{', '%%{', '$', '%', '.', '+', 'é', '😀', '\ufeff'],
  ...['seal "pkcs11" {\n', 'pin = "x"\n', 'lib = "/x"\n', 'listener "tcp" {\n', 'ui = true\n', '}\n', '" "', '""'],
);
const hclLike = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

function throwsOnlyConfigError(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
  }
}

describe('the scanner', () => {
  it('throws nothing but ConfigError, whatever the text', () => {
    fc.assert(fc.property(fc.oneof(hclLike, fc.string({ unit: 'binary' })), (text) => {
        throwsOnlyConfigError(() => scan(text));
      }), {
      numRuns: 3000,
    });
  });

  it('gives a PIN as it was written, and a text without it', () => {
    fc.assert(
      fc.property(plain, (pin) => {
        const { secrets, text } = scan(`seal "pkcs11" {\n  lib = "/x"\n  pin = ${quote(pin)}\n}\n`);
        expect(secrets).toEqual([pin]);
        expect(text).toBe('seal "pkcs11" {\n  lib = "/x"\n  pin = "@0"\n}\n');
      }),
    );
  });

  it('reads $${ and %%{ as the signs that start a template', () => {
    expect(scan('seal "pkcs11" {\n  pin = "a$${b%%{c$$d%e"\n}\n').secrets).toEqual(['a${b%{c$$d%e']);
  });

  it('decodes a string as hcl2-parser does, where that accepts it', () => {
    // hcl2-parser normalises strings to NFC; a PIN is handed on as its bytes are.
    const body = fc.oneof(
      plain.map(quote),
      fc.array(fc.constantFrom('$', '%', '{', '}', '\\', 'n', '"', 'u00e9', 'U0001F600', 'ud800', 'a', ' ', '\t', '\r', '\0'), { maxLength: 12 })
        .map((parts) => `"${parts.join('')}"`),
    );
    let agreed = 0;
    fc.assert(
      fc.property(body, (source) => {
        const text = `seal "pkcs11" {\n  pin = ${source}\n}\n`;
        let secret: string | undefined;
        try {
          [secret] = scan(text).secrets;
        } catch {
          return;
        }
        const expected: unknown = parse(text);
        expect(expected).toEqual({ seal: { pkcs11: [{ pin: secret?.normalize('NFC') }] } });
        agreed += 1;
      }),
      { numRuns: 1000 },
    );
    expect(agreed).toBeGreaterThan(300);
  });

  it('leaves a text that hcl2-parser reads as the original, but for what was taken out', () => {
    fc.assert(
      fc.property(hclLike, (text) => {
        let scanned: ReturnType<typeof scanHcl>;
        try {
          scanned = scan(text);
        } catch {
          return;
        }
        expect(parse(scanned.text)).not.toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  it('finds the reason wherever hcl2-parser rejects a text of used stanzas', () => {
    const line = fc.constantFrom('  lib = "/x"', '  slot = 1', '  pin = "p"', '  lib = /x', '  slot =', '  pin "p"', '  lib = "/x', '  a = 1 b = 2', '# c', '', '  slot = 1,', '  "lib" = "x"', '  x = {', '  x = "a\\qb"');
    const file = fc.array(line, { maxLength: 6 }).map((lines) => `seal "pkcs11" {\n${lines.join('\n')}\n}\n`);
    fc.assert(
      fc.property(file, (text) => {
        if (parse(text) === null) expect(() => scan(text)).toThrow(/^c\.hcl:\d+:\d+: /);
        else expect(scan(text).stanzas).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps no comment, no unknown key and no stanza that is not selected in the text', () => {
    const secret = 'hunter2';
    const text = [
      `# ${secret}`,
      `api_token = "${secret}"`,
      `seal "awskms" {\n  access_key = "${secret}"\n}`,
      `seal "pkcs11" { # ${secret}\n  # pin = "${secret}"\n  pinn = "${secret}"\n  /* ${secret} */ slot = 1 // ${secret}\n  pni = 1234\n}`,
      `storage "consul" {\n  token = "${secret}"\n}`,
    ].join('\n');
    const scanned = scan(text);
    expect(scanned.text).toBe('seal "pkcs11" {\n  pinn = "@0"\n  slot = 1\n  pni = null\n}\n');
    expect(scanned.secrets).toEqual([secret]);
    expect(scanned.stanzas.map(({ name, labels, at, selected }) => [name, labels, at.line, selected])).toEqual([
      ['seal', ['awskms'], 3, false],
      ['seal', ['pkcs11'], 6, true],
      ['storage', ['consul'], 12, false],
    ]);
    expect(scanned.keys).toEqual([{ name: 'api_token', at: { line: 2, column: 1 }, selected: false }]);
  });
});

describe('the JSON checker', () => {
  const jsonLike = fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '1', '-', '1e5', '.', 'true', 'null', ' ', '\n', '\\', '\\u12', '\t', '"seal"', '${'), { maxLength: 20 });

  it('accepts exactly the objects that JSON.parse accepts, and throws nothing but ConfigError', () => {
    fc.assert(
      fc.property(fc.oneof(jsonLike.map((parts) => parts.join('')), fc.json()), (text) => {
        throwsOnlyConfigError(() => parseJson('c.json', text));
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          expect(() => parseJson('c.json', text)).toThrow(/^c\.json:\d+:\d+: /);
          return;
        }
        expect(() => parseJson('c.json', JSON.stringify({ ui: value }))).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});
