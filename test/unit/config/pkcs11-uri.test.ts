import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import { parsePkcs11Uri, type Pkcs11Uri } from '../../../src/config/pkcs11-uri.ts';
import { ConfigError } from '../../../src/errors.ts';

const parse = (text: string): Pkcs11Uri => parsePkcs11Uri(text, 'uri');

const nothing: Pkcs11Uri = {
  token: null,
  manufacturer: null,
  serial: null,
  model: null,
  slotId: null,
  object: null,
  id: null,
  type: null,
  pinSource: null,
  pinValue: null,
  modulePath: null,
};

function failure(text: string): ConfigError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('expected a ConfigError');
}

/** Writes bytes as RFC 7512 wants them: everything but RFC 3986's unreserved characters percent-encoded. */
function encode(value: string | Uint8Array): string {
  return [...Buffer.from(value)]
    .map((byte) =>
      /[\w.~-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
}

describe('a PKCS#11 URI', () => {
  // Most are from RFC 7512 section 3.
  it.each<[string, Partial<Pkcs11Uri>]>([
    ['pkcs11:', {}],
    ['pkcs11:object=my-key;type=secret-key', { object: 'my-key', type: 'secret-key' }],
    [
      'pkcs11:object=my-key;type=private?pin-source=file:/etc/token',
      { object: 'my-key', type: 'private', pinSource: '/etc/token' },
    ],
    [
      'pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;' +
        'type=private;id=%69%95%3E%5C%F4%BD%EC%91;serial=1?pin-source=file:/etc/token_pin',
      {
        token: 'The Software PKCS#11 Softtoken',
        manufacturer: 'Snake Oil, Inc.',
        model: '1.0',
        object: 'my-certificate',
        type: 'private',
        id: Uint8Array.from(Buffer.from('69953e5cf4bdec91', 'hex')),
        serial: '1',
        pinSource: '/etc/token_pin',
      },
    ],
    [
      'pkcs11:object=my-sign-key;type=private?pin-value=1234',
      { object: 'my-sign-key', type: 'private', pinValue: '1234' },
    ],
    [
      'pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin',
      { token: 'Software PKCS#11 softtoken', manufacturer: 'Snake Oil, Inc.', pinValue: 'the-pin' },
    ],
    ['pkcs11:slot-id=327;serial=a&b', { slotId: '327', serial: 'a&b' }],
    [
      'PKCS11:token=a?module-path=/a/b%20c?d&pin-source=/etc/pin',
      { token: 'a', modulePath: '/a/b c?d', pinSource: '/etc/pin' },
    ],
    ['pkcs11:?pin-source=file:///etc/pin', { pinSource: '/etc/pin' }],
    ['pkcs11:?pin-value=%7C%26=a', { pinValue: '|&=a' }],
    ['pkcs11:id=a%00', { id: Uint8Array.of(97, 0) }],
    ['pkcs11:token=%e2%82%ac', { token: '€' }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual({ ...nothing, ...expected });
  });

  it('gives every attribute as it was before it was encoded', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
    const path = text.filter((value) => !value.includes('\0')).map((value) => `/${value}`);
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 12 });
    const attributes = fc.record({
      token: fc.option(text),
      manufacturer: fc.option(text),
      serial: fc.option(text),
      model: fc.option(text),
      slotId: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)),
      object: fc.option(text),
      id: fc.option(bytes),
      type: fc.constantFrom('private', 'secret-key', null),
      pinSource: fc.option(path),
      pinValue: fc.constant(null),
      modulePath: fc.option(text),
    });
    fc.assert(
      fc.property(attributes, fc.option(text), (some, pin) => {
        const uri: Pkcs11Uri = some.pinSource === null ? { ...some, pinValue: pin } : some;
        const write = (separator: string, all: readonly (readonly [string, string | Uint8Array | null])[]): string =>
          all.flatMap(([name, value]) => (value === null ? [] : [`${name}=${encode(value)}`])).join(separator);
        const inPath = write(';', [
          ['id', uri.id],
          ['token', uri.token],
          ['manufacturer', uri.manufacturer],
          ['serial', uri.serial],
          ['model', uri.model],
          ['slot-id', uri.slotId],
          ['object', uri.object],
          ['type', uri.type],
        ]);
        const inQuery = write('&', [
          ['pin-value', uri.pinValue],
          ['pin-source', uri.pinSource],
          ['module-path', uri.modulePath],
        ]);
        expect(parse(`pkcs11:${inPath}${inQuery === '' ? '' : '?'}${inQuery}`)).toEqual(uri);
      }),
    );
  });

  it('fails with nothing but a ConfigError, whatever the text', () => {
    const piece = fc.constantFrom(
      ...[
        'token=',
        'id=',
        'slot-id=',
        'type=private',
        'object=a',
        'pin-value=',
        'pin-source=',
        'module-path=/x',
        'module-name=x',
      ],
      ...[';', '&', '?', '=', '%', '%2', '%20', '%ff', '|', '/', ' ', 'é', '1', 'file:', '\0'],
    );
    const uriLike = fc.array(piece, { maxLength: 12 }).map((pieces) => `pkcs11:${pieces.join('')}`);
    fc.assert(
      fc.property(fc.oneof(uriLike, fc.string({ unit: 'binary' })), (text) => {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never shows a PIN in a failure, even one that was not encoded', () => {
    const secret = 'Zx9Kq';
    const sign = fc.constantFrom(
      '&',
      ';',
      '?',
      '=',
      '%',
      '%zz',
      ' ',
      '|',
      '/',
      '#',
      '&token=',
      '&module-path=',
      '&x-',
      'é',
      secret,
    );
    const pin = fc.array(sign, { maxLength: 6 }).map((parts) => secret + parts.join(''));
    const before = fc.constantFrom('pkcs11:?', 'pkcs11:token=a?', 'pkcs11:token=a;', 'pkcs11:token=a?module-path=/x&');
    fc.assert(
      fc.property(before, pin, fc.constantFrom('', '&modul-path=/x', '&pin-source=/x'), (start, value, end) => {
        try {
          parse(`${start}pin-value=${value}${end}`);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.message + hintText(error.hint ?? '')).not.toContain(secret);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['token=demo', 'config_value', /^uri does not begin with "pkcs11:"$/],
    ['pkcs11:token', 'config_value', /an attribute in the path has no "="/],
    ['pkcs11:token=a;', 'config_value', /an attribute in the path has no "="/],
    ['pkcs11:token=', 'config_value', /token is empty/],
    ['pkcs11:token=a;token=b', 'config_value', /token twice/],
    ['pkcs11:?pin-value=1&pin-value=1', 'config_value', /pin-value twice/],
    ['pkcs11:token=a b', 'config_value', /token holds a character/],
    ['pkcs11:token=a/b', 'config_value', /token holds a character/],
    ['pkcs11:token=%2', 'config_value', /token holds a character/],
    ['pkcs11:token=100%', 'config_value', /token holds a character/],
    ['pkcs11:token=%ff', 'config_value', /token is not UTF-8 text/],
    ['pkcs11:slot-id=0x1', 'config_value', /slot-id must be a decimal number/],
    ['pkcs11:type=public', 'config_value', /type must be private or secret-key/],
    ['pkcs11:type=cert', 'config_value', /type must be private or secret-key/],
    ['pkcs11:pin-value=1234', 'config_value', /pin-value must stand after "\?"/],
    ['pkcs11:?token=a', 'config_value', /token must stand before "\?"/],
    ['pkcs11:?pin-value=1&pin-source=/x', 'config_value', /both pin-source and pin-value/],
    ['pkcs11:?pin-source=%7Ccat', 'unsupported', /pin-source is a command/],
    ['pkcs11:?pin-source=|/usr/lib/pinomatic', 'unsupported', /pin-source is a command/],
    ['pkcs11:?pin-source=pin', 'config_value', /pin-source must be the absolute path/],
    ['pkcs11:?pin-source=file:pin', 'config_value', /pin-source must be the absolute path/],
    ['pkcs11:?pin-source=file://host/pin', 'config_value', /pin-source must be the absolute path/],
    ['pkcs11:?pin-source=https://host/pin', 'config_value', /pin-source must be the absolute path/],
    ['pkcs11:?module-name=softhsm2', 'unsupported', /module-name is not supported/],
    ['pkcs11:?pin-value=12&34', 'config_value', /an attribute in the query has no "="/],
    ['pkcs11:?pin-value=12&34=5', 'config_value', /what follows pin-value is no attribute/],
    ['pkcs11:tokn=a', 'config_unknown_key', /unknown attribute "tokn" in the path; did you mean "token"\?/],
    [
      'pkcs11:?modul-path=a',
      'config_unknown_key',
      /unknown attribute "modul-path" in the query; did you mean "module-path"\?/,
    ],
    ['pkcs11:x-vendor=a', 'config_unknown_key', /unknown attribute "x-vendor" in the path$/],
    ...['library-manufacturer', 'library-description', 'library-version', 'slot-description', 'slot-manufacturer'].map(
      (name): [string, string, RegExp] => [`pkcs11:${name}=a`, 'unsupported', new RegExp(`${name} is not supported`)],
    ),
  ])('is refused: %s', (text, code, message) => {
    const error = failure(text);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^uri\b/);
    expect(error.code).toBe(code);
    expect(hintText(error.hint ?? '')).toMatch(/\w/);
  });
});
