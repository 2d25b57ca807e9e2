import type { Context } from '../core/index.ts';
import type { OutputFormat, Terminal } from './terminal.ts';

export interface Flag {
  /** Without dashes, as Vault spells it. */
  readonly name: string;
  readonly kind: 'boolean' | 'toggle' | 'text' | 'integer' | 'duration' | 'list' | 'pairs';
  /** What the help calls the value, e.g. "PATH". */
  readonly value?: string;
  readonly aliases?: readonly string[];
  readonly help: string;
}

/** One command: what the operator types, and what it runs. */
export interface CommandSpec {
  /** The words that name it, e.g. ["kv", "put"]. */
  readonly words: readonly string[];
  /** Other words for the same, e.g. ["operator", "init"]. */
  readonly alias?: readonly string[];
  readonly summary: string;
  /** Names of the arguments as the help shows them, e.g. "PATH [KEY=VALUE ...]". */
  readonly arguments: string;
  readonly least: number;
  readonly most: number;
  readonly flags: readonly Flag[];
  /** Command lines for the help. */
  readonly examples: readonly string[];
  run(invocation: Invocation): Promise<number>;
}

export interface ContextOptions {
  /** -force. */
  readonly forceLogin?: boolean;
  /** -retry-pin. */
  readonly retryPin?: boolean;
  /** Do not say the configuration's notes. */
  readonly quiet?: boolean;
}

/** What a command is run with. */
export interface Invocation {
  readonly args: readonly string[];
  readonly flags: FlagValues;
  readonly terminal: Terminal;
  readonly format: OutputFormat;
  /** -field, or null. */
  readonly field: string | null;
  /** -config, or null. */
  readonly configPath: string | null;
  /** Loads the configuration, says its notes and makes what core works with. */
  context(options?: ContextOptions): Promise<Context>;
}

/** The values of a command's flags, already checked. Asking for a flag that the command does not have is a bug. */
export interface FlagValues {
  boolean(name: string): boolean;
  /** -name or -name=true, -name=false, or null where it is not given. */
  toggle(name: string): boolean | null;
  text(name: string): string | null;
  integer(name: string): number | null;
  /** Milliseconds. */
  duration(name: string): number | null;
  /** Repeatable. */
  list(name: string): readonly string[];
  /** NAME=VALUE, repeatable. */
  pairs(name: string): { readonly [name: string]: string };
}
