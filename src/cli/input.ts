import { readFileSync, readSync } from 'node:fs';
import { fromUtf8 } from '../bytes.ts';
import { systemErrorCode, systemErrorText, UsageError } from '../errors.ts';
import { beginsAsJson, isJsonObject, type JsonObject, type JsonValue, parseJson, setOwn } from '../json.ts';

/**
 * The data of a command line: KEY=VALUE, KEY=@FILE, KEY=- (the value is what stdin holds), KEY=\@TEXT (a value that
 * begins with @), @FILE (an object in JSON or YAML) and - (the same from stdin).
 * @param twice whether a key that is given again is refused or makes a list, as `vault write` does
 * @throws UsageError `bad_data`, never with a value in it
 */
export async function readData(args: readonly string[], twice: 'refuse' | 'list' = 'refuse'): Promise<JsonObject> {
  const data: JsonObject = {};
  const stdin = once(() => readText(0, 'stdin'));
  for (const arg of args) {
    const members = arg === '-' || arg.startsWith('@') ? await objectMembers(arg, stdin) : [pair(arg, stdin)];
    for (const [key, value] of members) {
      const before = Object.hasOwn(data, key) ? data[key] : undefined;
      if (before !== undefined && twice === 'list') {
        setOwn(data, key, [...(Array.isArray(before) ? before : [before]), value]);
        continue;
      }
      if (before !== undefined) {
        throw new UsageError('bad_data', `the key ${JSON.stringify(key)} is given twice`, {
          hint: 'give every key once',
        });
      }
      setOwn(data, key, value);
    }
  }
  return data;
}

function pair(arg: string, stdin: () => string): [string, string] {
  const equals = arg.indexOf('=');
  if (equals <= 0) {
    const what =
      equals === 0
        ? 'a value has no key before its "="'
        : 'an argument after the path is neither KEY=VALUE nor @FILE nor -';
    throw new UsageError('bad_data', what, { hint: 'for example: user=ada password=@file' });
  }
  const key = arg.slice(0, equals);
  const value = arg.slice(equals + 1);
  if (value === '-') return [key, stdin()];
  if (value.startsWith('@')) return [key, readText(value.slice(1), value.slice(1))];
  return [key, value.startsWith('\\@') ? value.slice(1) : value];
}

async function objectMembers(arg: string, stdin: () => string): Promise<[string, JsonValue][]> {
  const name = arg === '-' ? 'stdin' : arg.slice(1);
  const text = (arg === '-' ? stdin() : readTextFile(name)).replace(/^\uFEFF/, '');
  if (text.trim() === '') throw new UsageError('bad_data', `${name} is empty`, { hint: OBJECT });
  const isJson = arg !== '-' && /\.ya?ml$/i.test(name) ? false : looksLikeJson(text, name);
  const value = isJson ? readJson(text, name) : (await import('./read-yaml.ts')).readYaml(text, name);
  if (isJsonObject(value)) return Object.entries(value);
  const what = isJson ? 'is JSON, but not an object' : 'holds no object, neither as JSON nor as YAML';
  throw new UsageError('bad_data', `${name} ${what}`, { hint: OBJECT });
}

const OBJECT = 'give an object, e.g. {"user": "ada"}';

/** What begins as JSON is nothing else: a slip in it must not come out as YAML with another meaning. */
function looksLikeJson(text: string, name: string): boolean {
  return name.endsWith('.json') || beginsAsJson(text);
}

/**
 * @param name of what is read, for messages, which never hold a value
 * @param first the line of it that the text begins on
 * @throws UsageError `bad_data`
 */
export function readJson(text: string, name: string, first = 1): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UsageError('bad_data', `${name} is not JSON${place(text, error, first)}`, { hint: OBJECT });
  }
}

/** The line of a syntax error; the parser's own words may quote a secret. */
function place(text: string, error: unknown, first: number): string {
  const position = error instanceof Error ? / at position (\d+)$/.exec(error.message)?.[1] : undefined;
  const reason = error instanceof RangeError ? ': it is nested too deep' : '';
  const duplicate =
    error instanceof Error && error.message.startsWith('Duplicate key') ? ': a key is given twice' : reason;
  if (position === undefined && text.trimEnd().includes('\n')) return duplicate;
  return ` (line ${text.slice(0, Number(position ?? 0)).split('\n').length + first - 1})${duplicate}`;
}

const AT_NAMES_A_FILE = 'a value that begins with @ names a file; write \\@ for the character itself';
const CHECK_FILE = 'check that it is a file you may read';

/** @param source a path, or 0 for stdin  @param absent the hint where there is no such file */
function readText(source: string | 0, name: string, absent = AT_NAMES_A_FILE): string {
  let bytes;
  try {
    bytes = source === 0 ? readStdin() : readFileSync(source);
  } catch (error) {
    throw new UsageError('bad_data', `cannot read ${name === '' ? '""' : name}: ${systemErrorText(error)}`, {
      hint: systemErrorCode(error) === 'ENOENT' ? absent : CHECK_FILE,
    });
  }
  try {
    return fromUtf8(bytes);
  } catch {
    throw notUtf8(name, bytes);
  }
}

/** @param bytes from its beginning */
export function notUtf8(name: string, bytes: Uint8Array): UsageError {
  const mark = `${bytes[0]?.toString(16)}${bytes[1]?.toString(16)}`;
  // PowerShell and editors of Windows write such files.
  if (mark === 'fffe' || mark === 'feff')
    return new UsageError('bad_data', `${name} is UTF-16 text, not UTF-8`, { hint: 'see: iconv -f UTF-16 -t UTF-8' });
  return new UsageError('bad_data', `${name} is not UTF-8 text`, {
    hint: 'encode binary data first, for example with base64',
  });
}

/** A file as text. @throws UsageError `bad_data` */
export function readTextFile(path: string): string {
  return readText(path, path, CHECK_FILE);
}

/** All of stdin as text. @throws UsageError `bad_data` */
export function readStdinText(): string {
  return readText(0, 'stdin');
}

function readStdin(): Uint8Array {
  return Buffer.concat([...descriptorChunks(0)]);
}

/** All that a descriptor gives, also where it is a pipe that does not block. Throws what the system says. */
export function* descriptorChunks(descriptor: number): Generator<Uint8Array> {
  const chunk = Buffer.alloc(65_536);
  for (;;) {
    try {
      const length = readSync(descriptor, chunk);
      if (length === 0) return;
      yield Buffer.from(chunk.subarray(0, length));
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'EOF') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function once<T>(compute: () => T): () => T {
  let result: { value: T } | null = null;
  return () => (result ??= { value: compute() }).value;
}
