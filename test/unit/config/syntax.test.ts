import { describe, expect, it } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import { makeHome, sealWith } from './home.ts';

/** The secret that stands in every text below and must not be in any message. */
const secret = 'hunter2';

/** What is wrong, the text, the place, the message, the code unless it is config_syntax. */
const hclErrors: readonly (readonly [string, string, string, RegExp, string?])[] = [
  [
    'an unclosed block',
    `ui = true\nseal "pkcs11" {\n  pin = "${secret}"\n`,
    '2:15',
    /seal "pkcs11" opened here is never closed/,
  ],
  [
    'a block in a block',
    `storage "sqlite" {\n  path = "/x"\n\nseal "pkcs11" {\n}\n`,
    '4:1',
    /seal starts inside storage "sqlite", which was opened on line 1/,
  ],
  [
    'an unclosed string',
    `seal "pkcs11" {\n  lib = "/x"\n  pin = "${secret}\n}\n`,
    '3:9',
    /the string of pin is opened here and not closed/,
  ],
  ['an unclosed string at the end', `seal "pkcs11" {\n  pin = "${secret}`, '2:9', /the string of pin is opened here/],
  ['an unclosed comment', `ui = true\n/* ${secret}\nseal "pkcs11" {\n`, '2:1', /comment opened here/],
  [
    'an unclosed heredoc',
    `ui = true\nlicense_path = <<EOF\n${secret}\n`,
    '2:16',
    /heredoc opened here is never closed/,
  ],
  ['an unclosed server stanza', `listener "tcp" {\n  x = [1, 2]\n`, '1:16', /"{" opened here is never closed/],
  ['an unclosed list', `experiments = ["${secret}",\nui = true\n`, '1:15', /"\[" opened here is never closed/],
  ['brackets that do not match', `experiments = [ "${secret}" }\n`, '1:27', /closing bracket does not match/],
  ['a missing value', `seal "pkcs11" {\n  lib =\n}\n`, '2:7', /lib has no value after "="/],
  ['a missing value at top level', `ui =\nauto_unseal = true\n`, '1:4', /ui has no value/],
  ['a missing =', `seal "pkcs11" {\n  pin "${secret}"\n}\n`, '2:7', /expected "=" after pin/],
  ['a colon for =', `seal "pkcs11" {\n  pin: "${secret}"\n}\n`, '2:6', /expected "=" after pin/],
  ['a name alone', `seal "pkcs11" {\n  lib\n}\n`, '2:3', /lib has no value/],
  ['a stanza without braces', `seal "pkcs11"\n{\n}\n`, '1:14', /expected "=" or "{" after seal/],
  ['a stray }', `auto_unseal = true\n}\n`, '2:1', /"}" without a "{"/],
  ['a stray } on the same line', `ui = true }\n`, '1:11', /"}" without a "{"/],
  [
    'two keys on one line',
    `seal "pkcs11" {\n  lib = "/x" pin = "${secret}"\n}\n`,
    '2:14',
    /a new line is missing after a value/,
  ],
  [
    'two keys in a block of one line',
    `seal "pkcs11" { lib = "/x" pin = "${secret}" }\n`,
    '1:28',
    /may hold one key only/,
  ],
  [
    'a block that opens on one line and closes on another',
    `seal "pkcs11" { lib = "/x"\n}\n`,
    '1:15',
    /has a key on the line of its "{"/,
  ],
  ['a } after a value', `seal "pkcs11" {\n  lib = "/x" }\n`, '2:14', /"}" must be on a line of its own/],
  ['a comma', `seal "pkcs11" {\n  pin = "${secret}",\n}\n`, '2:18', /separator after a value/],
  [
    'a key set twice',
    `seal "pkcs11" {\n  pin = "${secret}"\n  lib = "/x"\n  pin = "${secret}"\n}\n`,
    '4:3',
    /pin is already set on line 2/,
  ],
  [
    'a top-level key set twice',
    `auto_unseal = true\nauto_unseal = false\n`,
    '2:1',
    /auto_unseal is already set on line 1/,
  ],
  ['two blocks on one line', `entropy "seal" {} seal "pkcs11" {}\n`, '1:19', /a new line is missing after a block/],
  ['an unquoted path', `seal "pkcs11" {\n  lib = /usr/lib/x.so\n}\n`, '2:9', /the value of lib is not quoted/],
  [
    'an unquoted word',
    `seal "pkcs11" {\n  pin = ${secret}\n}\n`,
    '2:9',
    /pin is neither a quoted string/,
    'config_template',
  ],
  ['typographic quotes', `seal "pkcs11" {\n  pin = “${secret}”\n}\n`, '2:9', /pin has the wrong kind of quotes/],
  ['single quotes', `seal "pkcs11" {\n  pin = '${secret}'\n}\n`, '2:9', /pin has the wrong kind of quotes/],
  ['a broken hexadecimal number', `seal "pkcs11" {\n  slot = 0x1g\n}\n`, '2:10', /slot is not a plain decimal number/],
  ['an octal number', `seal "pkcs11" {\n  slot = 010\n}\n`, '2:10', /slot is not a plain decimal number/],
  ['a name in quotes', `"ui" = true\n`, '1:1', /a name is in quotes/],
  ['an unknown escape', `seal "pkcs11" {\n  pin = "${secret}\\d"\n}\n`, '2:17', /unknown escape in the string of pin/],
  ['half a surrogate pair', `seal "pkcs11" {\n  pin = "\\ud800"\n}\n`, '2:10', /unknown escape in the string of pin/],
  ['a list', `seal "pkcs11" {\n  pin = ["${secret}"]\n}\n`, '2:9', /pin must be a single value/, 'config_type'],
  ['a heredoc', `seal "pkcs11" {\n  pin = <<E\n${secret}\nE\n}\n`, '2:9', /pin must be on one line/, 'config_type'],
  [
    'a template',
    `seal "pkcs11" {\n  pin = "${secret}\${x}"\n}\n`,
    '2:17',
    /the value of pin holds a template/,
    'config_template',
  ],
  [
    'a template directive',
    `seal "pkcs11" {\n  pin = "%{if x}${secret}%{endif}"\n}\n`,
    '2:10',
    /the value of pin holds a template/,
    'config_template',
  ],
  ['a variable', `seal "pkcs11" {\n  pin = var.pin\n}\n`, '2:9', /pin is neither a quoted string/, 'config_template'],
  [
    'a function',
    `seal "pkcs11" {\n  pin = trim("${secret}")\n}\n`,
    '2:9',
    /pin is neither a quoted string/,
    'config_template',
  ],
  ['arithmetic', `seal "pkcs11" {\n  slot = 1 + 1\n}\n`, '2:12', /unexpected text after a value/],
  ['a column after characters beyond U+FFFF', `seal "pkcs11" {\n  name = "😀" x\n}\n`, '2:14', /a new line is missing/],
  ['Windows line ends', `ui = true\r\nseal "pkcs11" {\r\n  lib =\r\n}\r\n`, '3:7', /lib has no value/],
];

describe('an HCL syntax error', () => {
  const complete = hclErrors.map(([what, text, position, message, code = 'config_syntax']) => ({
    what,
    text,
    position,
    message,
    code,
  }));
  it.each(complete)('is located: $what', async ({ text, position, message, code }) => {
    const home = makeHome();
    const file = home.write('c.hcl', text);
    const error = await home.failure(file);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`${file}:${position}: `)).toBe(true);
    expect(error.code).toBe(code);
    expect(hintText(error.hint ?? '')).toMatch(/\w/);
    expect(error.message + hintText(error.hint ?? '')).not.toContain(secret);
  });
});

describe('HCL that is well-formed', () => {
  it('may have comments, blank lines, Windows line ends, a byte order mark and one-line blocks', async () => {
    const home = makeHome();
    const text = `\ufeff# c\n// c\n/* c\n c */\nstorage "sqlite" { path = "/x/coffer.db" } # c\n\n${sealWith('slot = 7 // c', 'pin = /* c */ "1#2/*3" # c')}entropy seal { mode = "augmentation" }\nauto_unseal = true`;
    const config = await home.load(home.write('c.hcl', text.replaceAll('\n', '\r\n')));
    expect(config).toMatchObject({
      storage: { type: 'sqlite', path: '/x/coffer.db' },
      seal: { token: { slot: 7n, label: 'demo' }, pin: { kind: 'literal', value: '1#2/*3' } },
      entropyAugmentation: true,
      autoUnseal: true,
    });
  });

  it('may be anything that brackets and quotes hold together in a stanza that coffer does not use', async () => {
    const home = makeHome();
    const listener =
      'listener "tcp" { address = "x", tls_disable = 1 }\ntelemetry {\n  a = "${f("}")}"\n  b = <<E\n }\nE\n  "c" = [ {}, ( ) ]\n}\n';
    expect((await home.load(home.write('c.hcl', listener + sealWith()))).seal.lib).toBe('/usr/lib/p11.so');
  });
});

const json = '{\n "storage": {"sqlite": {"path": "/x"}},\n "seal": {"pkcs11": {"pin": "hunter2"';

describe('a JSON syntax error', () => {
  it.each([
    ['an unclosed object', `${json}}\n`, '3:10', /bracket opened here is never closed/],
    ['an unclosed string', `${json}, "lib": "/x\n}}}`, '3:47', /string opened here is not closed/],
    ['a missing comma', `${json} "lib": "/x"}}}`, '3:39', /expected "," or "}"/],
    ['a trailing comma', `${json},}}}`, '3:39', /expected a key in double quotes/],
    ['a missing colon', `${json}, "lib" "/x"}}}`, '3:46', /expected ":"/],
    ['a missing value', `${json}, "lib": }}}`, '3:47', /a value is missing/],
    ['a key set twice', `${json}, "pin": "x"}}}`, '3:40', /already set/],
    ['a control character', `${json}, "lib": "\t"}}}`, '3:47', /unknown escape or control character/],
    ['text after the end', `${json}}}} x`, '3:42', /unexpected text after the end/],
    ['an unclosed object of nothing', '{', '1:2', /expected a key/],
  ])('is located: %s', async (_, text, position, message) => {
    const home = makeHome();
    const file = home.write('c.json', text);
    const error = await home.failure(file);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`${file}:${position}: `)).toBe(true);
    expect(error.code).toBe('config_syntax');
    expect(error.message + hintText(error.hint ?? '')).not.toContain(secret);
  });

  it('is not a stack overflow, however deep the nesting', async () => {
    const home = makeHome();
    expect(await home.failure(home.write('c.json', '['.repeat(100_000)))).toMatchObject({ code: 'config_syntax' });
    expect(await home.failure(home.write('c.hcl', `ui = ${'['.repeat(100_000)}`))).toMatchObject({
      code: 'config_syntax',
    });
    expect(await home.failure(home.write('d.hcl', `ui = ${'"${'.repeat(100_000)}`))).toMatchObject({
      code: 'config_syntax',
    });
  });
});

describe('JSON', () => {
  const body = { lib: '/usr/lib/p11.so', slot: 1, key_label: 'k', generate_key: true, pin: 'a$b' };

  it.each([
    [
      'objects',
      { seal: { pkcs11: body }, entropy: { seal: { mode: 'augmentation' } }, storage: { sqlite: { path: '/x' } } },
    ],
    [
      'arrays',
      {
        seal: [{ pkcs11: [body] }],
        entropy: { seal: [{ mode: 'augmentation' }] },
        storage: [{ sqlite: { path: '/x' } }],
      },
    ],
  ])('has the shapes of HCL, in %s, also in a file named .hcl', async (_, value) => {
    const home = makeHome();
    const text = JSON.stringify({ ...value, auto_unseal: 'true', listener: { tcp: {} } });
    for (const file of [home.write('c.json', text), home.write('c.hcl', `\n ${text}`)]) {
      expect(await home.load(file)).toMatchObject({
        seal: { lib: '/usr/lib/p11.so', generateKey: true, pin: { kind: 'literal', value: 'a$b' } },
        entropyAugmentation: true,
        autoUnseal: true,
        storage: { path: '/x' },
        notes: [expect.stringContaining('listener')],
      });
    }
    expect(home.cacheFiles()).toEqual([]);
  });

  it.each([
    [{ seal: { pkcs11: { ...body, lib: '${x}' } } }, 'config_template'],
    [{ seal: { pkcs11: { ...body, lib: ['/x'] } } }, 'config_type'],
    [{ seal: { pkcs11: { ...body, pin: 1234 } } }, 'config_type'],
    [{ seal: 'pkcs11' }, 'config_type'],
    [{ seal: { pkcs11: 'x' } }, 'config_type'],
    [{ seal: { pkcs11: [body, body] } }, 'config_duplicate'],
    [['x'], 'config_type'],
  ])('is refused: %j', async (value, code) => {
    const home = makeHome();
    expect(await home.failure(home.write('c.json', JSON.stringify(value)))).toMatchObject({ code });
  });
});
