import { loadConfig, readPin, stateFolder, variable } from '../config/index.ts';
import {
  type Context,
  endModules,
  type FaultReport,
  postponeEndings,
  reportFaults,
  thisMachine,
} from '../core/index.ts';
import { CofferError, UsageError } from '../errors.ts';
import { resultIsOut } from '../native/outcome.ts';
import type { ContextOptions } from './command.ts';
import { OFTEN } from './commands/often.ts';
import { type CommandLine, type HelpLine, readCommandLine, readPlainLine } from './parse.ts';
import { askPin } from './prompts.ts';
import { hintText } from './remedies.ts';
import { FORMATS, openTerminal, type OutputFormat, RAW, type Terminal } from './terminal.ts';

/**
 * Runs one command line and returns its exit status; an error is printed, and a fault of coffer's own, too. The PKCS#11 module is
 * finalised after that, when its faults can no longer take away what was said.
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  postponeEndings();
  const status = await runAndReport(argv);
  resultIsOut(status);
  endModules();
  return status;
}

async function runAndReport(argv: readonly string[]): Promise<number> {
  const line = await commandLine(argv);
  const { kind, global } = line;
  const name = global.format || variable(process.env, 'format'); // an empty one is none, as a variable that is not set makes it
  const format = outputFormat(name);
  const terminal = await openTerminal({
    color: kind !== 'error' && !global['no-color'], // -no-color may be after what is wrong, or be it
    interactive: !global['non-interactive'],
    format: format ?? 'table',
    changed: () => reportFaults(faultReport(terminal)),
  });
  try {
    if (line.kind === 'error') throw line.error;
    if (line.kind !== 'run') return await showHelp(line, terminal, format);
    if (format === null) throw noFormat(name);
    if (format === RAW && !line.spec.raw) throw noRaw();
    reportFaults(faultReport(terminal));
    for (const note of line.notes) terminal.note(note);
    const status = await line.spec.run({
      args: line.args,
      flags: line.flags,
      terminal,
      format,
      field: global.field === '' ? null : global.field,
      configPaths: global.config,
      context: (options) => openContext(global.config, terminal, options ?? {}),
    });
    terminal.end();
    return status ?? 0;
  } catch (error) {
    if (error instanceof CofferError) terminal.error(error);
    else terminal.fault(error);
    return error instanceof CofferError ? error.exitStatus : 1;
  }
}

/**
 * What is no whole command of those that are called often is read again with all there are, and what cannot be run as it stands
 * once more with what is known of mistakes.
 */
async function commandLine(argv: readonly string[]): Promise<CommandLine> {
  const often = await OFTEN.get(argv[0] ?? '')?.();
  const line = often === undefined ? null : readPlainLine(argv, often);
  if (line !== null) return line;
  const { COMMANDS } = await import('./commands/index.ts');
  return readPlainLine(argv, COMMANDS) ?? readCommandLine(argv, COMMANDS, (await import('./mistakes/index.ts')).LORE);
}

async function showHelp(line: HelpLine, terminal: Terminal, format: OutputFormat | null): Promise<number> {
  const { GROUPS: groups } = await import('./commands/index.ts');
  const { TOPICS: topics } = await import('./topics.ts');
  const { helpText } = await import('./help.ts');
  const text = helpText(line, { groups, topics });
  const asked = line.kind !== 'group' || line.asked;
  if (asked) terminal.print(text);
  else if (format === 'json') terminal.error(new UsageError('no_command', 'this is no whole command', { hint: text }));
  else terminal.printAside(text);
  return asked ? 0 : 1;
}

async function openContext(
  paths: readonly string[],
  terminal: Terminal,
  { forceLogin = false, retryPin = false, quiet = false }: ContextOptions,
): Promise<Context> {
  const config = await loadConfig({ paths, env: process.env });
  if (!quiet) for (const note of config.notes) terminal.note(note);
  const { pin } = config.seal;
  const said = new Set<string>();
  return {
    config,
    machine: thisMachine,
    note(hint) {
      const text = hintText(hint);
      if (!said.has(text)) terminal.note(text);
      said.add(text);
    },
    forceLogin,
    retryPin,
    state: stateFolder(process.env, process.getuid?.()),
    onLogin: () => undefined,
    pinPad: (token) => terminal.request(`enter the PIN of the token "${token.label}" on its PIN pad`),
    pin: async (token) => {
      if (pin !== null) return readPin(pin, process.env);
      return terminal.isInteractive() ? askPin(token.label) : null;
    },
  };
}

/** As this command shows its errors and warnings. */
function faultReport(terminal: Terminal): FaultReport {
  return { error: (error) => terminal.errorText(error), warning: (message) => terminal.lastWarningText(message) };
}

function outputFormat(name: string | null): OutputFormat | null {
  const wanted = (name ?? 'table').toLowerCase();
  if (wanted === RAW) return RAW;
  return FORMATS.find((known) => known === (wanted === 'yml' ? 'yaml' : wanted)) ?? null;
}

function noFormat(name: string | null): UsageError {
  return new UsageError('bad_format', `there is no output format ${JSON.stringify(name)}`, {
    hint: `there are: ${FORMATS.join(', ')}`,
  });
}

function noRaw(): UsageError {
  const problem = 'this command does not support the -format=raw option; only `coffer read` does';
  return new UsageError('bad_format', problem, { hint: `there are: ${FORMATS.join(', ')}` });
}
