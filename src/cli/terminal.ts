/**
 * The only file that writes to the terminal.
 *
 * - Results go to stdout, everything else to stderr.
 * - Colour only where stdout is a terminal and nobody said no.
 * - An error has no capital and no full stop; its hint follows on lines of its own.
 * - With -format=json an error is JSON on stderr.
 * - What a terminal would obey (control characters in secrets and names) is shown, not sent, when stdout is one.
 */
import { Chalk } from 'chalk';
import type { ChalkInstance } from 'chalk';
import type { CofferError } from '../errors.ts';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof FORMATS)[number];

export interface Terminal {
  /** A line, or several, to stdout. */
  print(text: string): void;
  /** Bytes to stdout as they are, without a newline. */
  printRaw(text: string): void;
  /** A remark to stderr. */
  note(text: string): void;
  warn(text: string): void;
  error(error: CofferError, format: OutputFormat): void;
  /** Whether somebody is there to answer. */
  readonly interactive: boolean;
}

export interface TerminalOptions {
  readonly color: boolean;
  readonly interactive: boolean;
}

export function openTerminal({ color, interactive }: TerminalOptions): Terminal {
  const colorful = color && process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
  const chalk: ChalkInstance = new Chalk({ level: colorful ? 1 : 0 });
  const toTerminal = process.stdout.isTTY;
  quietOnClosedPipe();
  return {
    interactive: interactive && process.stdin.isTTY && process.stderr.isTTY,
    print: (text) => void process.stdout.write(`${toTerminal ? visible(text) : text}\n`),
    printRaw: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(`${chalk.dim('note:')} ${visible(text)}\n`),
    warn: (text) => void process.stderr.write(`${chalk.yellow('warning:')} ${visible(text)}\n`),
    error(error, format) {
      if (format === 'json') {
        const errors = [error.message, ...(error.hint === null ? [] : [error.hint])];
        process.stderr.write(`${JSON.stringify({ errors, code: error.code })}\n`);
        return;
      }
      process.stderr.write(`${chalk.red('error:')} ${visible(error.message)}\n`);
      if (error.hint !== null) process.stderr.write(`${chalk.dim('hint:')} ${visible(error.hint)}\n`);
      if (process.env['COFFER_DEBUG'] === '1') process.stderr.write(`${error.stack ?? ''}\n`);
    },
  };
}

/** Control characters but newline and tab as \xNN. */
function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** `coffer kv get ... | head -1` is no error. */
function quietOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
