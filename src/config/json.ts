/** JSON configuration: the same shapes as HCL. JSON.parse sees single values only, since its messages quote the text. */
import { ConfigError } from '../errors.ts';
import { Cursor } from './cursor.ts';
import { kind, title, type Contents, type Setting, type Stanza } from './document.ts';
import { serverOnlyInSeal, stanzaKeys, stanzaNames, topLevelKeys } from './keys.ts';
import { TEMPLATE_HINT, templateProblem } from './lexemes.ts';

const blank = /[ \t\r\n]+/y;
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalar = /(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![A-Za-z0-9_.+-])/y;
const maximumDepth = 100;

/** A string in which HCL 2 would see a template. Where coffer uses it, it is refused as in HCL. */
class Templated {
  readonly isDoubled: boolean;

  constructor(isDoubled: boolean) {
    this.isDoubled = isDoubled;
  }
}

/**
 * `{"seal": {"pkcs11": {...}}, "auto_unseal": false}`; a stanza's body may be an array of bodies, and a stanza an
 * array of objects, as HCL's JSON syntax has them.
 */
export function parseJson(file: string, text: string): Contents {
  const cursor = new Cursor(file, text);
  const root = readValue(cursor, 0);
  skip(cursor);
  if (!cursor.done) cursor.fail('unexpected text after the end of the object', 'remove it');
  if (!isObject(root)) throw new ConfigError('config_type', `${file}: must hold a JSON object`, { hint: jsonShape });

  const stanzas: Stanza[] = [];
  const settings = new Map<string, Setting>();
  for (const [name, value] of Object.entries(root)) {
    if (!stanzaNames.includes(name)) {
      settings.set(name, { file, value: topLevelKeys.includes(name) ? plain(value, file, name) : value, at: null });
      continue;
    }
    for (const byType of Array.isArray(value) ? value : [value]) {
      for (const [label, body] of Object.entries(objectOf(byType, file, name))) {
        for (const one of Array.isArray(body) ? body : [body]) {
          stanzas.push(toStanza(file, name, label, one));
        }
      }
    }
  }
  return { stanzas, settings };
}

const jsonShape =
  'the shape is {"storage": {"sqlite": {"path": "..."}}, "seal": {"pkcs11": {...}}, "auto_unseal": false}';

function toStanza(file: string, name: string, label: string, body: unknown): Stanza {
  const settings = new Map<string, Setting>();
  const stanza = { name, file, labels: [label], at: null, settings };
  const isUsed = stanzaKeys.has(kind(stanza));
  for (const [key, value] of Object.entries(objectOf(body, file, title(stanza)))) {
    const isRead = isUsed && !serverOnlyInSeal.has(key);
    settings.set(key, { file, value: isRead ? plain(value, `${file}: ${title(stanza)}`, key) : value, at: null });
  }
  return stanza;
}

/** @throws ConfigError `config_template` */
function plain(value: unknown, where: string, key: string): unknown {
  if (!(value instanceof Templated)) return value;
  throw new ConfigError('config_template', `${where}: ${templateProblem(key, value.isDoubled)}`, {
    hint: TEMPLATE_HINT,
  });
}

function objectOf(value: unknown, file: string, what: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw new ConfigError('config_type', `${file}: ${what} must be an object`, { hint: jsonShape });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function skip(cursor: Cursor): void {
  cursor.take(blank);
}

/** Reads one value of RFC 8259 and fails where it is not one, or where an object names a key twice. */
function readValue(cursor: Cursor, depth: number): unknown {
  skip(cursor);
  if (depth > maximumDepth) cursor.fail('values are nested too deeply', `at most ${maximumDepth} levels are read`);
  if (cursor.at('{')) {
    const members = new Map<string, unknown>();
    readMembers(cursor, '}', () => {
      const name = readName(cursor, members);
      members.set(name, readValue(cursor, depth + 1));
    });
    return Object.fromEntries(members);
  }
  if (cursor.at('[')) {
    const elements: unknown[] = [];
    readMembers(cursor, ']', () => void elements.push(readValue(cursor, depth + 1)));
    return elements;
  }
  if (cursor.at('"')) {
    const source = readString(cursor);
    const template = /([$%]?)[$%]\{/.exec(source);
    return template === null ? JSON.parse(source) : new Templated(template[1] !== '');
  }
  const source =
    cursor.take(scalar) ??
    cursor.fail('a value is missing or malformed here', 'write a string in double quotes, a number, true or false');
  return JSON.parse(source);
}

/** Goes through `[...]` or `{...}`, from bracket to bracket; `readMember` reads what stands between two commas. */
function readMembers(cursor: Cursor, closer: '}' | ']', readMember: () => void): void {
  const start = cursor.offset;
  cursor.offset += 1;
  skip(cursor);
  if (!cursor.at(closer)) {
    do {
      readMember();
      skip(cursor);
    } while (cursor.take(/,/y) !== null);
  }
  if (cursor.done) cursor.fail(`bracket opened here is never closed`, `add "${closer}" where it ends`, start);
  if (!cursor.at(closer)) cursor.fail(`expected "," or "${closer}"`, 'separate members with a comma');
  cursor.offset += 1;
}

function readName(cursor: Cursor, members: ReadonlyMap<string, unknown>): string {
  skip(cursor);
  const start = cursor.offset;
  if (!cursor.at('"')) cursor.fail('expected a key in double quotes', 'no comma may stand after the last member');
  const name = String(JSON.parse(readString(cursor)));
  if (members.has(name)) cursor.fail('this key is already set in the same object', 'remove one of the two', start);
  skip(cursor);
  if (cursor.take(/:/y) === null) cursor.fail('expected ":" after a key', 'write "key": "value"');
  return name;
}

/** A string with its quotes, as it is written. */
function readString(cursor: Cursor): string {
  const source = cursor.take(string);
  if (source !== null) return source;
  const closed = cursor.look(/"(?:[^"\\\r\n]|\\.)*"/y) !== null;
  return closed
    ? cursor.fail('unknown escape or control character in a string', String.raw`write \\ for one backslash`)
    : cursor.fail('string opened here is not closed on its line', 'end the value with a double quote (")');
}
