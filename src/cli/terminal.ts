/**
 * The only file that writes to the terminal.
 *
 * - Results go to stdout, everything else to stderr.
 * - Colour only where stdout is a terminal and nobody said no.
 * - An error has no capital and no full stop; its hint follows on lines of its own.
 * - With -format=json an error is JSON on stderr.
 * - What a terminal would obey (control characters in secrets and names) is shown, not sent, when stdout is one.
 * - Nothing that only a terminal needs is loaded where there is none: node:tty, streams and chalk cost milliseconds.
 */
import type { ChalkInstance } from 'chalk';
import { fstatSync, writeSync } from 'node:fs';
import type { CofferError } from '../errors.ts';
import { UsageError } from '../errors.ts';
import { resultOutput } from '../native/outcome.ts';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof FORMATS)[number];

export interface Terminal {
  /** A line, or several, to stdout. */
  print(text: string): void;
  /** Text to stdout as it is, without a newline. */
  printRaw(text: string): void;
  /** As `printRaw`, for what is nowhere else: throws UsageError `output_failed` where nobody reads it, too. */
  handOut(text: string): void;
  /** Text to stderr as it is: the help that nobody asked for. */
  printAside(text: string): void;
  /** A remark to stderr. */
  note(text: string): void;
  warn(text: string): void;
  error(error: CofferError, format: OutputFormat): void;
  /** What `error` would write to stderr, and a warning as the last thing that is said. */
  errorText(error: CofferError, format: OutputFormat): string;
  lastWarningText(message: string, format: OutputFormat): string;
  /**
   * Shows how far a long command is: a line on stderr, at most `width` wide, in the place of the one before; null takes it
   * away. Nothing where stderr is no terminal.
   */
  progress(line: ((width: number) => string) | null): void;
  /** Whether somebody is there to answer. */
  isInteractive(): boolean;
}

export interface TerminalOptions {
  readonly color: boolean;
  readonly interactive: boolean;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export async function openTerminal({ color, interactive }: TerminalOptions): Promise<Terminal> {
  const toTerminal = isTerminal(STDOUT);
  const { env } = process;
  const colorful = color && toTerminal && env['NO_COLOR'] === undefined && env['TERM'] !== 'dumb';
  const paint = colorful && isTerminal(STDERR) ? await colors() : null; // only what goes to stderr is painted
  const labelled = (label: string, text: string): string => `${label} ${visible(text)}\n`;
  const say = (label: string, text: string): void => write(STDERR, labelled(label, text));
  const warning = paint?.yellow('warning:') ?? 'warning:';
  const errorText: Terminal['errorText'] = (error, format) => {
    if (format === 'json') {
      const errors = [error.message, ...(error.hint === null ? [] : [error.hint])];
      return `${JSON.stringify({ errors, code: error.code })}\n`;
    }
    const message = labelled(paint?.red('error:') ?? 'error:', error.message);
    return error.hint === null ? message : message + labelled(paint?.dim('hint:') ?? 'hint:', error.hint);
  };
  return {
    isInteractive: () => interactive && isTerminal(STDIN) && isTerminal(STDERR),
    print: (text) => write(resultOutput(), `${toTerminal ? visible(text) : text}\n`),
    progress(line) {
      if (env['TERM'] === 'dumb' || !isTerminal(STDERR)) return;
      write(STDERR, `\r\x1b[K${line?.(process.stderr.columns - 1) ?? ''}`); // a line of full width would begin the next
    },
    printRaw: (text) => write(resultOutput(), text),
    handOut: (text) => writeWhole(resultOutput(), text),
    printAside: (text) => write(STDERR, `${text}\n`),
    note: (text) => say(paint?.dim('note:') ?? 'note:', text),
    warn: (text) => say(warning, text),
    errorText,
    lastWarningText: (message, format) => (format === 'json' ? `${JSON.stringify({ errors: [], warnings: [message] })}\n` : labelled(warning, message)),
    error(error, format) {
      write(STDERR, errorText(error, format));
      if (format !== 'json' && env['COFFER_DEBUG'] === '1') write(STDERR, `${error.stack ?? ''}\n`);
    },
  };
}

async function colors(): Promise<ChalkInstance> {
  const { Chalk } = await import('chalk');
  return new Chalk({ level: 1 });
}

/** What is no character device is no terminal; only for the others is node:tty asked. */
function isTerminal(descriptor: 0 | 1 | 2): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    return false; // closed
  }
  const stream = descriptor === STDIN ? process.stdin : descriptor === STDOUT ? process.stdout : process.stderr;
  return stream.isTTY;
}

/** Control characters but newline and tab as \xNN. */
export function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** As `writeWhole`, but `coffer kv get ... | head -1` is no error. */
function write(descriptor: number, text: string): void {
  try {
    writeWhole(descriptor, text);
  } catch (error) {
    const code = error instanceof UsageError && error.cause instanceof Error && 'code' in error.cause ? error.cause.code : null;
    if (code !== 'EPIPE' && code !== 'EBADF') throw error;
  }
}

/** Writes all of it before it returns. @throws UsageError `output_failed` */
function writeWhole(descriptor: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null;
      if (code !== 'EAGAIN') throw new UsageError('output_failed', `cannot write to ${descriptor === STDERR ? 'stderr' : 'stdout'}: ${String(code)}`, { cause: error });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // a pipe that does not block, and is full
    }
  }
}
