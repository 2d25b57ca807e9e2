import { fromUtf8 } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import { notUtf8 } from '../input.ts';
import type { Source } from './source.ts';

/** The longest input that is no line by line, in bytes. */
export const MOST_BYTES = 1 << 26;
/** The longest line, in bytes: a secret with all its versions. A string of Node.js has at most about twice as many characters. */
export const LONGEST_LINE = 1 << 28;

export interface Line {
  readonly text: string;
  /** From 1 on. */
  readonly number: number;
  /** Bytes of the source as far as its end. */
  readonly end: number;
}

const LINE_BREAK = 0x0a;
const NOTHING = new Uint8Array(0);

/** The lines of UTF-8 text, without their ends and without a byte order mark. @throws UsageError `bad_data` */
export function* linesOf(source: Source): Generator<Line> {
  let number = 1;
  let end = 0;
  let rest: Uint8Array[] = [];
  let held = 0;
  const line = (): Line => {
    const [only = NOTHING, ...more] = rest;
    const text = decoded(more.length === 0 ? only : Buffer.concat(rest), `${source.name} (line ${number})`);
    rest = [];
    held = 0;
    return { text: number === 1 ? text.replace(/^\uFEFF/, '') : text, number: number++, end };
  };
  for (const chunk of source.read()) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_BREAK); at !== -1; at = chunk.indexOf(LINE_BREAK, from)) {
      rest.push(chunk.subarray(from, at));
      end += at + 1 - from;
      from = at + 1;
      yield line();
    }
    rest.push(Buffer.from(chunk.subarray(from)));
    held += chunk.length - from;
    end += chunk.length - from;
    if (held > LONGEST_LINE)
      throw tooLong(`${source.name} (line ${number})`, LONGEST_LINE, 'a secret may have that, with its versions');
  }
  if (held > 0) yield line();
}

/** All of it. @throws UsageError `bad_data` */
export function textOf(source: Source): string {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (const chunk of source.read()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MOST_BYTES)
      throw tooLong(source.name, MOST_BYTES, 'give a line of JSON for each secret, which may be any number of lines');
  }
  return decoded(Buffer.concat(chunks), source.name).replace(/^\uFEFF/, '');
}

function decoded(bytes: Uint8Array, name: string): string {
  try {
    return fromUtf8(bytes);
  } catch {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b)
      throw new UsageError('bad_data', `${name} is compressed`, { hint: 'see: gunzip -c FILE | coffer kv import -' });
    throw notUtf8(name, bytes);
  }
}

function tooLong(name: string, most: number, hint: string): UsageError {
  return new UsageError('bad_data', `${name} has more than ${most >> 20} MiB`, { hint });
}
