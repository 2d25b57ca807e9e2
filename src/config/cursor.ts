import { ConfigError, type ErrorCode } from '../errors.ts';
import { place, type Position } from './document.ts';

/** A place in a text that moves forward. Its errors name the place and never quote the text, which may be a PIN. */
export class Cursor {
  readonly file: string;
  readonly text: string;
  offset = 0;
  /** The line that `position` last looked at, so that a walk through a text counts each line once. */
  #line = 1;
  #lineStart = 0;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  get done(): boolean {
    return this.offset >= this.text.length;
  }

  /** Whether the text goes on with `prefix` here. */
  at(prefix: string): boolean {
    return this.text.startsWith(prefix, this.offset);
  }

  /** Matches a sticky expression here and moves past it; null, and no move, when it does not match. */
  take(pattern: RegExp): string | null {
    const found = this.look(pattern);
    if (found !== null) this.offset += found.length;
    return found;
  }

  /** As `take`, without moving. */
  look(pattern: RegExp): string | null {
    pattern.lastIndex = this.offset;
    return pattern.exec(this.text)?.[0] ?? null;
  }

  position(offset: number = this.offset): Position {
    if (offset < this.#lineStart) {
      this.#line = 1;
      this.#lineStart = 0;
    }
    for (;;) {
      const next = this.text.indexOf('\n', this.#lineStart) + 1;
      if (next === 0 || next > offset) break;
      this.#line += 1;
      this.#lineStart = next;
    }
    return { line: this.#line, column: Array.from(this.text.slice(this.#lineStart, offset)).length + 1 };
  }

  fail(what: string, hint: string, offset: number = this.offset, code: ErrorCode<1> = 'config_syntax'): never {
    throw new ConfigError(code, `${place({ file: this.file, at: this.position(offset) })}: ${what}`, { hint });
  }
}
