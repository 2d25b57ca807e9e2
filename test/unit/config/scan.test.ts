import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanHcl } from '../../../src/config/scan.ts';
import { parseJson } from '../../../src/config/json.ts';
import { loadParser } from '../../../src/config/parser.ts';
import { ConfigError } from '../../../src/errors.ts';

const scan = (text: string): ReturnType<typeof scanHcl> => scanHcl('c.hcl', text);

/** What is left for hcl2-parser to read. */
const sources = (text: string): string[] => scan(text).literals.map(({ source }) => source);

/** The value of the only stanza's pin. */
const pinOf = (text: string): unknown => scan(text).stanzas[0]?.settings.get('pin')?.value;

/** What hcl2-parser makes of a text, or null where it fails. */
const parse = await loadParser();

/** A string as HCL writes it. */
function quote(value: string): string {
  const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' };
  const sign = (one: string): string => (one === '$' ? '\\u0024' : '\\u0025');
  return `"${value.replaceAll(/[\n\r\t"\\]/g, (one) => named[one] ?? one).replaceAll(/[$%](?=\{)/g, sign)}"`;
}

const plain = fc.string({
  unit: fc.oneof(
    fc.constantFrom('$', '%', '{', '${', '%{', '"', '\\', '\n', '#'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
});

/** Pieces of HCL, whole and broken, so that random texts come near to what people write. */
const piece = fc.constantFrom(
  ...['seal', 'pkcs11', '"pkcs11"', 'pin', 'lib', 'slot', 'auto_unseal', 'ui', 'true', '12', '010', '0x1', '-1', '1e3'],
  ...[
    ' ',
    '\n',
    '\r\n',
    '\r',
    '\t',
    '=',
    '==',
    ':',
    ',',
    ';',
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '"',
    "'",
    '\\',
    '\\n',
    '\\u00e9',
  ],
  ...[
    '#',
    '//',
    '/*',
    '*/',
    '<<EOF\n',
    '<<-EOF\n',
    'EOF\n',
    '${',
    '$${',
    '%{',
    '%%{',
    '$',
    '%',
    '.',
    '+',
    'é',
    '😀',
    '\ufeff',
  ],
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
    fc.assert(
      fc.property(fc.oneof(hclLike, fc.string({ unit: 'binary' })), (text) => {
        throwsOnlyConfigError(() => scan(text));
      }),
      {
        numRuns: 3000,
      },
    );
  });

  it('gives a PIN as it was written, and leaves it to no parser', () => {
    fc.assert(
      fc.property(plain, (pin) => {
        const text = `seal "pkcs11" {\n  lib = "/x"\n  pin = ${quote(pin)}\n}\n`;
        expect(pinOf(text)).toBe(pin);
        expect(sources(text)).toEqual(['"/x"']);
      }),
    );
  });

  it('reads the signs that start a template only where they are escaped, as HCL 1 and HCL 2 do alike', () => {
    const text = (value: string): string => `seal "pkcs11" {\n  pin = "${value}"\n}\n`;
    expect(pinOf(text('a\\u0024{b\\u0025{c$$d%e$'))).toBe('a${b%{c$$d%e$');
    for (const value of ['a$${b', 'a%%{b', 'a$$${b'])
      expect(() => pinOf(text(value))).toThrow(
        /the value of pin holds "\$\$\{" or "%%\{", which Vault takes as it stands/,
      );
    for (const value of ['a${b}', 'a%{b'])
      expect(() => pinOf(text(value))).toThrow(/the value of pin holds a template/);
  });

  it('decodes a string as hcl2-parser does, where that accepts it', () => {
    // hcl2-parser normalises strings to NFC; a PIN is handed on as its bytes are.
    const body = fc.oneof(
      plain.map(quote),
      fc
        .array(
          fc.constantFrom(
            '$',
            '%',
            '{',
            '}',
            '\\',
            'n',
            '"',
            'u00e9',
            'U0001F600',
            'ud800',
            'a',
            ' ',
            '\t',
            '\r',
            '\0',
          ),
          { maxLength: 12 },
        )
        .map((parts) => `"${parts.join('')}"`),
    );
    let agreed = 0;
    fc.assert(
      fc.property(body, (source) => {
        const text = `seal "pkcs11" {\n  pin = ${source}\n}\n`;
        let secret: unknown;
        try {
          secret = pinOf(text);
        } catch {
          return;
        }
        expect(parse(text)).toEqual({ seal: { pkcs11: [{ pin: String(secret).normalize('NFC') }] } });
        agreed += 1;
      }),
      { numRuns: 1000 },
    );
    expect(agreed).toBeGreaterThan(300);
  });

  it('leaves literals that hcl2-parser reads, whatever stands around them', () => {
    const value = fc.oneof(
      piece,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      plain.map(quote),
      fc.array(piece).map((parts) => `"${parts.join('')}"`),
    );
    let read = 0;
    fc.assert(
      fc.property(
        value,
        fc.constantFrom('', 'ui = "${x}"\n', 'auto_unseal = true # c\n', 'listener "tcp" {\n  lib = var.x\n}\n'),
        (literal, after) => {
          let literals: string[];
          try {
            literals = sources(`seal "pkcs11" {\n  slot = ${literal}\n}\n${after}`);
          } catch {
            return;
          }
          const one = (source: string): unknown => parse(`v = [${source}]\n`);
          expect(literals.map(one)).toEqual(literals.map(() => ({ v: [expect.toSatisfy(() => true)] })));
          read += 1;
        },
      ),
      { numRuns: 2000 },
    );
    expect(read).toBeGreaterThan(200);
  });

  it('finds the reason wherever hcl2-parser rejects a text of used stanzas', () => {
    const line = fc.constantFrom(
      '  lib = "/x"',
      '  slot = 1',
      '  pin = "p"',
      '  lib = /x',
      '  slot =',
      '  pin "p"',
      '  lib = "/x',
      '  a = 1 b = 2',
      '# c',
      '',
      '  slot = 1,',
      '  "lib" = "x"',
      '  x = {',
      '  x = "a\\qb"',
    );
    const file = fc.array(line, { maxLength: 6 }).map((lines) => `seal "pkcs11" {\n${lines.join('\n')}\n}\n`);
    fc.assert(
      fc.property(file, (text) => {
        if (parse(text) === null) expect(() => scan(text)).toThrow(/^c\.hcl:\d+:\d+: /);
        else expect(scan(text).stanzas).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves no comment, no unknown key and no stanza that coffer does not use to the parser', () => {
    const secret = 'hunter2';
    const text = [
      `# ${secret}`,
      `api_token = "${secret}"`,
      `seal "awskms" {\n  access_key = "${secret}"\n}`,
      `seal "pkcs11" { # ${secret}\n  # pin = "${secret}"\n  pinn = "${secret}"\n  /* ${secret} */ slot = 1 // ${secret}\n  pni = 1234\n}`,
      `storage "consul" {\n  token = "${secret}"\n}`,
    ].join('\n');
    const scanned = scan(text);
    expect(sources(text)).toEqual(['1']);
    expect(
      scanned.stanzas.map(({ name, labels, at, settings }) => [name, labels, at?.line, [...settings.keys()]]),
    ).toEqual([
      ['seal', ['awskms'], 3, []],
      ['seal', ['pkcs11'], 6, ['pinn', 'slot', 'pni']],
      ['storage', ['consul'], 12, []],
    ]);
    expect([...(scanned.stanzas[1]?.settings.values() ?? [])].map(({ value }) => value)).toEqual([secret, null, null]);
    expect([...scanned.settings]).toEqual([
      ['api_token', { file: 'c.hcl', value: undefined, at: { line: 2, column: 1 } }],
    ]);
  });
});

describe('the JSON checker', () => {
  const jsonLike = fc.array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '1',
      '-',
      '1e5',
      '.',
      'true',
      'null',
      ' ',
      '\n',
      '\\',
      '\\u12',
      '\t',
      '"seal"',
      '${',
    ),
    { maxLength: 20 },
  );

  it('accepts exactly the objects that JSON.parse accepts, and throws nothing but ConfigError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          jsonLike.map((parts) => parts.join('')),
          fc.json(),
        ),
        (text) => {
          throwsOnlyConfigError(() => parseJson('c.json', text));
          let value: unknown;
          try {
            value = JSON.parse(text);
          } catch {
            expect(() => parseJson('c.json', text)).toThrow(/^c\.json:\d+:\d+: /);
            return;
          }
          expect(() => parseJson('c.json', JSON.stringify({ ui: value }))).not.toThrow();
        },
      ),
      { numRuns: 2000 },
    );
  });
});
