import { readFileSync, readSync } from 'node:fs';
import { fromUtf8 } from '../bytes.ts';
import { systemErrorCode, UsageError } from '../errors.ts';
import { isJsonObject, type JsonObject, parseJson, setOwn } from '../json.ts';

/**
 * The data of a command line: KEY=VALUE, KEY=@FILE, KEY=- (the value is what stdin holds), KEY=\@TEXT (a value that
 * begins with @), @FILE (a JSON object) and - (a JSON object from stdin).
 * @param twice whether a key that is given again is refused or makes a list, as `vault write` does
 * @throws UsageError `bad_data`, never with a value in it
 */
export function readData(args: readonly string[], twice: 'refuse' | 'list' = 'refuse'): JsonObject {
  const data: JsonObject = {};
  const stdin = once(() => readText(0, 'stdin'));
  for (const arg of args) {
    const members = arg === '-' || arg.startsWith('@') ? jsonMembers(arg, stdin) : [pair(arg, stdin)];
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
    throw new UsageError('bad_data', what, { hint: 'for example: coffer kv put secret/app user=ada password=@file' });
  }
  const key = arg.slice(0, equals);
  const value = arg.slice(equals + 1);
  if (value === '-') return [key, stdin()];
  if (value.startsWith('@')) return [key, readText(value.slice(1), value.slice(1))];
  return [key, value.startsWith('\\@') ? value.slice(1) : value];
}

function jsonMembers(arg: string, stdin: () => string): [string, JsonObject[string]][] {
  const name = arg === '-' ? 'stdin' : arg.slice(1);
  const text = arg === '-' ? stdin() : readText(name, name);
  let value;
  try {
    value = parseJson(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UsageError('bad_data', `${name} is not JSON${place(text, error)}`, {
      hint: 'give an object, e.g. {"user": "ada"}',
    });
  }
  if (isJsonObject(value)) return Object.entries(value);
  throw new UsageError('bad_data', `${name} is JSON, but not an object`, {
    hint: 'give an object, e.g. {"user": "ada"}',
  });
}

/** The line of a syntax error; the parser's own words may quote a secret. */
function place(text: string, error: unknown): string {
  const position = error instanceof Error ? / at position (\d+)$/.exec(error.message)?.[1] : undefined;
  const duplicate = error instanceof Error && error.message.startsWith('Duplicate key') ? ': a key is given twice' : '';
  return position === undefined
    ? duplicate
    : ` (line ${text.slice(0, Number(position)).split('\n').length})${duplicate}`;
}

/** @param source a path, or 0 for stdin */
function readText(source: string | 0, name: string): string {
  let bytes;
  try {
    bytes = source === 0 ? readStdin() : readFileSync(source);
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown error';
    throw new UsageError('bad_data', `cannot read ${name}: ${code}`, {
      hint:
        code === 'ENOENT'
          ? 'a value that begins with @ names a file; write \\@ for the character itself'
          : 'check that it is a file you may read',
    });
  }
  try {
    return fromUtf8(bytes);
  } catch {
    throw new UsageError('bad_data', `${name} is not UTF-8 text`, {
      hint: 'encode binary data first, for example with base64',
    });
  }
}

/** All of stdin as text. @throws UsageError `bad_data` */
export function readStdinText(): string {
  return readText(0, 'stdin');
}

/** All of stdin, also where it is a pipe that does not block. */
function readStdin(): Uint8Array {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(65_536);
  for (;;) {
    try {
      const length = readSync(0, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(Buffer.from(chunk.subarray(0, length)));
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'EOF') return Buffer.concat(chunks);
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function once<T>(compute: () => T): () => T {
  let result: { value: T } | null = null;
  return () => (result ??= { value: compute() }).value;
}
