/**
 * The only file that writes to the terminal.
 *
 * - Results go to stdout, everything else to stderr.
 * - Colour only where stdout is a terminal and nobody said no.
 * - An error has no capital and no full stop; its hint follows on lines of its own.
 * - With -format=json stderr holds one document of JSON or nothing: see json-notes.ts. Questions are for a terminal, and so is
 *   what is said between them: `dialogue`.
 * - What a terminal would obey (control characters in secrets, names, labels, modules) is shown, not sent, whether a terminal
 *   is there or a file that is looked at later. Line breaks are coffer's own, so whoever puts data between them makes it
 *   visible first. Only the value of -field and the text of inject go out as they are, unless they go to a terminal.
 * - Nothing that only a terminal needs is loaded where there is none: node:tty, streams and chalk cost milliseconds.
 */
import type { ChalkInstance } from 'chalk';
import { fstatSync, writeSync } from 'node:fs';
import { variable } from '../config/index.ts';
import { type CofferError, systemErrorCode, systemErrorText, UsageError } from '../errors.ts';
import { hasCommitted, resultOutput } from '../native/outcome.ts';
import { visible } from '../visible.ts';
import { jsonNotes } from './json-notes.ts';
import { hintText } from './remedies.ts';

export const FORMATS = ['table', 'json', 'yaml'] as const;
/** What `read` alone can print: an answer as a server would send it. */
export const RAW = 'raw';
export type OutputFormat = (typeof FORMATS)[number] | typeof RAW;

export interface Terminal {
  /** A line, or several, to stdout. */
  print(text: string): void;
  /**
   * A value to stdout: byte for byte to a pipe or a file, without a newline. A terminal gets its line breaks and tabs, since
   * keys and certificates are read and copied there, the rest made visible, and a line break at the end.
   */
  printValue(text: string): void;
  /** As `print` and `printValue`, for what is nowhere else: throws UsageError `output_failed` where nobody reads it, too. */
  handOut(text: string): void;
  handOutValue(text: string): void;
  /** Lines to stderr: the help that nobody asked for. */
  printAside(text: string): void;
  /** A remark to stderr, of one line; with -format=json it is kept for a document. */
  note(text: string): void;
  warn(text: string): void;
  /** What somebody has to do at the HSM now: at once, but for -format=json where stderr is no terminal. */
  request(text: string): void;
  /** For somebody who answers questions: lines, and at once, whatever the format is. */
  readonly dialogue: Dialogue;
  /** What -format=json has kept, for the answer; and that the answer with it is printed. */
  keptNotes(): readonly string[];
  forgetNotes(): void;
  /** Says what is still kept, on stderr. */
  end(): void;
  error(error: CofferError): void;
  /** Several, which -format=json has in one document with the code of the worst. */
  errors(errors: readonly CofferError[]): void;
  /** What no operator can have caused. */
  fault(error: unknown): void;
  /** What `error` would write to stderr, and a warning as the last thing that is said. */
  errorText(error: CofferError): string;
  lastWarningText(message: string): string;
  /**
   * Shows how far a long command is: a line on stderr, at most `width` wide, in the place of the one before; null takes it
   * away. Nothing where stderr is no terminal.
   */
  progress(line: ((width: number) => string) | null): void;
  /** Whether somebody is there to answer. */
  isInteractive(): boolean;
  /** The columns of the terminal that results go to; null where they go elsewhere, or it does not tell. */
  width(): number | null;
}

export interface Dialogue {
  readonly note: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly error: (error: CofferError) => void;
}

export interface TerminalOptions {
  readonly color: boolean;
  readonly interactive: boolean;
  readonly format: OutputFormat;
  /** Called when `errorText` and `lastWarningText` have become others. */
  readonly changed: () => void;
}

const USUAL_COLUMNS = 80;
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** Takes away what the line has, from its beginning to its end. */
const LINE_AWAY = '\r\x1b[K';

export async function openTerminal({ color, interactive, format, changed }: TerminalOptions): Promise<Terminal> {
  const toTerminal = isTerminal(STDOUT);
  const { env } = process;
  const isRefused = env['NO_COLOR'] !== undefined || variable(env, 'no_color') !== null;
  const colorful = color && toTerminal && !isRefused && env['TERM'] !== 'dumb';
  const paint = colorful && isTerminal(STDERR) ? await colors() : null; // only what goes to stderr is painted
  const labelled = (label: string, text: string, kept = ''): string => `${label} ${visible(text, kept)}\n`;
  let isProgressShown = false;
  /** What is said under way stands in the place of the progress, and not behind it. */
  const aside = (text: string): string => (isProgressShown ? LINE_AWAY : '') + text;
  const say = (label: string, text: string): void => write(STDERR, aside(labelled(label, text)));
  const json = format === 'json' ? jsonNotes((text) => write(STDERR, text), changed) : null;
  const isDebug = variable(env, 'debug') === '1';
  const warning = paint?.yellow('warning:') ?? 'warning:';
  const asLines = (text: string): string => `${visible(text, '\n')}\n`;
  const asValue = (text: string): string => (toTerminal ? visible(text, '\n\t').replace(/(?<!\n)$/, '\n') : text);
  const errorLines = (error: CofferError): string => {
    const message = labelled(paint?.red('error:') ?? 'error:', error.message);
    return error.hint === null
      ? message
      : message + labelled(paint?.dim('hint:') ?? 'hint:', hintText(error.hint), '\n');
  };
  const dialogue: Dialogue = {
    note: (text) => say(paint?.dim('note:') ?? 'note:', text),
    warn: (text) => say(warning, text),
    error(error) {
      write(STDERR, aside(errorLines(error)));
      if (isDebug) write(STDERR, `${trace(error)}\n`);
    },
  };
  return {
    isInteractive: () => interactive && isTerminal(STDIN) && isTerminal(STDERR),
    width: () => (toTerminal && process.stdout.columns > 0 ? process.stdout.columns : null),
    print: (text) => write(resultOutput(), asLines(text)),
    printValue: (text) => write(resultOutput(), asValue(text)),
    handOut: (text) => writeWhole(resultOutput(), asLines(text)),
    handOutValue: (text) => writeWhole(resultOutput(), asValue(text)),
    progress(line) {
      if (env['TERM'] === 'dumb' || !isTerminal(STDERR)) return;
      // Some terminals do not tell; a line of full width would begin the next.
      write(STDERR, LINE_AWAY + visible(line?.((process.stderr.columns || USUAL_COLUMNS) - 1) ?? ''));
      if (isProgressShown === (line !== null)) return;
      isProgressShown = line !== null;
      changed();
    },
    printAside: (text) => write(STDERR, asLines(text)),
    dialogue,
    note: json?.keep ?? dialogue.note,
    warn: json?.keep ?? dialogue.warn,
    request: json === null || isTerminal(STDERR) ? dialogue.note : json.keep,
    keptNotes: () => json?.kept() ?? [],
    forgetNotes: () => json?.forget(),
    end: () => json?.end(),
    error: json?.error ?? dialogue.error,
    errors: json?.errors ?? ((errors) => errors.forEach(dialogue.error)),
    errorText: json?.errorText ?? ((error) => aside(errorLines(error))),
    lastWarningText: json?.warningText ?? ((message) => aside(labelled(warning, message))),
    fault(error) {
      const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
      if (json !== null) json.fault(message);
      else if (isDebug && error instanceof Error) write(STDERR, `${trace(error)}\n`);
      else write(STDERR, `${visible(message)} (COFFER_DEBUG=1 shows where)\n`);
    },
  };
}

async function colors(): Promise<ChalkInstance> {
  const { Chalk } = await import('chalk');
  return new Chalk({ level: 1 });
}

/** Linux's major number of /dev/null, zero, full and their like, as in its admin-guide/devices.txt. */
const MEMORY_DEVICES = 1;

/** What is no character device is no terminal, nor is /dev/null. Only for others are the runtime's streams made, which takes time. */
function isTerminal(descriptor: 0 | 1 | 2): boolean {
  try {
    const status = fstatSync(descriptor);
    if (!status.isCharacterDevice() || status.rdev >> 8 === MEMORY_DEVICES) return false;
  } catch {
    return false; // closed
  }
  const stream = descriptor === STDIN ? process.stdin : descriptor === STDOUT ? process.stdout : process.stderr;
  return stream.isTTY;
}

/** Where an error comes from. A line break in its message would look like one more place. */
function trace({ message, stack = '' }: Error): string {
  const after = stack.indexOf(message) + message.length;
  return stack.includes(message)
    ? visible(stack.slice(0, after)) + visible(stack.slice(after), '\n')
    : visible(stack, '\n');
}

/**
 * As `writeWhole`, but `coffer kv get ... | head -1` is no error, and neither is a full disk behind stderr: the exit status
 * still says what came of the command.
 */
function write(descriptor: number, text: string): void {
  try {
    writeWhole(descriptor, text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const code = systemErrorCode(error.cause);
    if (code === 'EPIPE' || code === 'EBADF' || descriptor === STDERR) return;
    const hint = hasCommitted() ? 'what the command wrote to the store is there' : null;
    throw new UsageError(error.code, error.message, { hint, cause: error.cause });
  }
}

/** Writes all of it before it returns. @throws UsageError `output_failed` */
function writeWhole(descriptor: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = systemErrorCode(error);
      if (code !== 'EAGAIN')
        throw new UsageError('output_failed', `cannot write to stdout: ${systemErrorText(error)}`, { cause: error });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // a pipe that does not block, and is full
    }
  }
}
