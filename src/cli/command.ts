import type { Context } from '../core/index.ts';
import type { OutputFormat, Terminal } from './terminal.ts';

/** What `run` is given for each kind of flag. */
export interface KindValues {
  readonly boolean: boolean;
  /** -name or -name=true, -name=false, or null where it is not given. */
  readonly toggle: boolean | null;
  readonly text: string | null;
  readonly integer: number | null;
  /** Milliseconds, above zero. */
  readonly duration: number | null;
  /** Repeatable. */
  readonly list: readonly string[];
  /** NAME=VALUE, repeatable. */
  readonly pairs: { readonly [name: string]: string };
}

export interface Flag {
  readonly kind: keyof KindValues;
  /** What the help calls the value, e.g. "PATH". */
  readonly value?: string;
  readonly aliases?: readonly string[];
  /** Values that mean the same as no flag, since they are the defaults that Vault's help shows. */
  readonly notGiven?: readonly string[];
  readonly help: string;
}

/** By name, without dashes, as Vault spells it. */
export interface Flags {
  readonly [name: string]: Flag;
}

const NO_FLAGS = {} as const satisfies Flags;
export type NoFlags = typeof NO_FLAGS;

/** The checked values of these flags, and of no others: asking for one that is not among them does not compile. */
export type FlagValues<F extends Flags> = { readonly [Name in keyof F]: KindValues[F[Name]['kind']] };

/** One command as it is written down. */
interface Description<F extends Flags> {
  /** Another name for the same, e.g. "operator init". */
  readonly alias?: string;
  readonly summary: string;
  /** As the help shows them: "PATH" is required, "[PATH]" is not, and "KEY=VALUE ..." is any number, none too. */
  readonly arguments?: string;
  readonly flags?: F;
  /** Whether it can print an answer as a server would send it, -format=raw. */
  readonly raw?: boolean;
  /** Whether its arguments are the line of another command, whose flags are no flags of coffer's: as those of env(1), they begin with the first argument. */
  readonly runs?: boolean;
  /** Command lines for the help. */
  readonly examples?: readonly string[];
  /** @returns the exit status; nothing is 0 */
  run(invocation: Invocation<F>): Promise<number | undefined>;
}

/** The same with all that it leaves out. */
export interface CommandSpec extends Required<Omit<Description<Flags>, 'alias'>> {
  /** What the operator types, e.g. ["kv", "put"]. */
  readonly words: readonly string[];
  readonly alias: readonly string[] | null;
  /** How many arguments it takes. */
  readonly least: number;
  readonly most: number;
}

/** A command, whose `run` knows its flags by name and type. @param name e.g. "kv put" */
export function command<const F extends Flags = NoFlags>(name: string, description: Description<F>): CommandSpec {
  const {
    alias,
    summary,
    arguments: usage = '',
    examples = [],
    flags = NO_FLAGS,
    raw = false,
    runs = false,
  } = description;
  return {
    ...{
      words: name.split(' '),
      alias: alias?.split(' ') ?? null,
      summary,
      arguments: usage,
      examples,
      flags,
      raw,
      runs,
    },
    ...argumentCount(usage),
    // What it is run with was read by these very flags.
    run: (invocation: Invocation<F>) => description.run(invocation),
  };
}

function argumentCount(usage: string): { least: number; most: number } {
  const all = [...usage.matchAll(/(\[?)[^\s[\]]+( \.\.\.)?/g)];
  const required = all.filter(([, optional, any]) => optional === '' && any === undefined);
  const isOpen = all.some(([, , any]) => any !== undefined);
  return { least: required.length, most: isOpen ? Infinity : all.length };
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
export interface Invocation<F extends Flags = NoFlags> {
  readonly args: readonly string[];
  readonly flags: FlagValues<F>;
  readonly terminal: Terminal;
  readonly format: OutputFormat;
  /** -field, or null. */
  readonly field: string | null;
  /** Each -config, in the order of the line. */
  readonly configPaths: readonly string[];
  /** Loads the configuration, says its notes and makes what core works with. */
  context(options?: ContextOptions): Promise<Context>;
}
