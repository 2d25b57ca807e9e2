import { isDeepStrictEqual } from 'node:util';
import { type JsonObject, type JsonValue, LosslessNumber, setOwn } from './json-value.ts';

/**
 * Reads JSON (RFC 8259) so that numbers keep their digits. Strings, which are most of it, are left to the runtime's own parser: one that
 * puts them together of their characters takes some seventy times the memory of a long one.
 * @throws SyntaxError that ends in `at position N`, also where a key is given twice with different values; RangeError where it is nested
 *   too deep
 */
export function parseExactly(text: string): JsonValue {
  const parser = new Parser(text);
  const value = parser.value();
  parser.end();
  return value;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const WORDS: readonly (readonly [word: string, value: JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class Parser {
  readonly #text: string;
  /** Where the next token begins. */
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skip();
  }

  end(): void {
    if (this.#at < this.#text.length) throw this.#fault('something stands behind it');
  }

  value(): JsonValue {
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case '{':
        return this.#object();
      case '[':
        return this.#list();
      default:
        return this.#number() ?? this.#word();
    }
  }

  #object(): JsonObject {
    const object: JsonObject = {};
    this.#take('{');
    if (this.#takes('}')) return object;
    do {
      const start = this.#at;
      const key = this.#string();
      this.#take(':');
      const value = this.value();
      if (Object.hasOwn(object, key) && !isDeepStrictEqual(object[key], value))
        throw new SyntaxError(`Duplicate key at position ${start}`);
      if (key === '__proto__') setOwn(object, key, value);
      else object[key] = value;
    } while (this.#takes(','));
    this.#take('}');
    return object;
  }

  #list(): JsonValue[] {
    const list: JsonValue[] = [];
    this.#take('[');
    if (this.#takes(']')) return list;
    do list.push(this.value());
    while (this.#takes(','));
    this.#take(']');
    return list;
  }

  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#fault('a string is expected');
    let quote = this.#text.indexOf('"', start + 1);
    while (quote !== -1 && this.#isEscaped(quote)) quote = this.#text.indexOf('"', quote + 1);
    if (quote === -1) throw this.#fault('a string does not end');
    try {
      const value = JSON.parse(this.#text.slice(start, quote + 1)) as string;
      this.#at = quote + 1;
      this.#skip();
      return value;
    } catch {
      // Whatever the runtime says of it may quote it.
      throw this.#fault('a string has what none can have');
    }
  }

  /** Whether an odd number of backslashes stands before it. */
  #isEscaped(quote: number): boolean {
    let at = quote;
    while (this.#text[at - 1] === '\\') at--;
    return (quote - at) % 2 === 1;
  }

  /** Null where there is none. */
  #number(): LosslessNumber | null {
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) return null;
    this.#at += digits.length;
    this.#skip();
    return new LosslessNumber(digits);
  }

  #word(): JsonValue {
    const found = WORDS.find(([word]) => this.#text.startsWith(word, this.#at));
    if (found === undefined) throw this.#fault('a value is expected');
    this.#at += found[0].length;
    this.#skip();
    return found[1];
  }

  #take(mark: string): void {
    if (!this.#takes(mark)) throw this.#fault(`${mark} is expected`);
  }

  #takes(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    this.#skip();
    return true;
  }

  #skip(): void {
    while (BLANKS.includes(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #fault(what: string): SyntaxError {
    return new SyntaxError(`${what} at position ${this.#at}`);
  }
}

const BLANKS: readonly number[] = [0x20, 0x0a, 0x0d, 0x09];
