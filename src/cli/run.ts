import { loadConfig, readPin, stateFolder, variable } from '../config/index.ts';
import { endModules, postponeEndings, reportFaults, thisMachine } from '../core/index.ts';
import type { Context, FaultReport } from '../core/index.ts';
import { CofferError, UsageError } from '../errors.ts';
import { resultIsOut } from '../native/outcome.ts';
import type { ContextOptions, Invocation } from './command.ts';
import { parseCommandLine } from './parse.ts';
import { askPin } from './prompts.ts';
import { FORMATS, openTerminal } from './terminal.ts';
import type { OutputFormat, Terminal, TerminalOptions } from './terminal.ts';

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
  const env = process.env;
  const open = async (options: Omit<TerminalOptions, 'changed'>): Promise<Terminal> => {
    const opened = await openTerminal({ ...options, changed: () => reportFaults(faultReport(opened)) });
    return opened;
  };
  let terminal = await open({ color: false, interactive: false, format: wantsJson(argv, env) ? 'json' : 'table' });
  try {
    const parsed = await parseCommandLine(argv);
    const { global } = parsed;
    const name = global.format ?? variable(env, 'format');
    const format = outputFormat(name);
    terminal = await open({ color: !global.noColor, interactive: !global.nonInteractive, format: format ?? 'table' });
    if (parsed.kind === 'help') {
      if (parsed.asked) terminal.print(parsed.text);
      else if (format === 'json') terminal.error(new UsageError('no_command', 'this is no whole command', { hint: parsed.text }));
      else terminal.printAside(parsed.text);
      return parsed.asked ? 0 : 1;
    }
    if (format === null) throw noFormat(name);
    reportFaults(faultReport(terminal));
    const invocation: Invocation = {
      args: parsed.args,
      flags: parsed.flags,
      terminal,
      format,
      field: global.field,
      configPath: global.config,
      context: (options) => openContext(global.config, terminal, options ?? {}),
    };
    const status = await parsed.spec.run(invocation);
    terminal.end();
    return status;
  } catch (error) {
    if (error instanceof CofferError) terminal.error(error);
    else terminal.fault(error);
    return error instanceof CofferError ? error.exitStatus : 1;
  }
}

async function openContext(path: string | null, terminal: Terminal, { forceLogin = false, retryPin = false, quiet = false }: ContextOptions): Promise<Context> {
  const config = await loadConfig({ path, env: process.env });
  if (!quiet) for (const note of config.notes) terminal.note(note);
  const { pin } = config.seal;
  const said = new Set<string>();
  return {
    config,
    machine: thisMachine,
    note(text) {
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
  return FORMATS.find((known) => known === (name ?? 'table').toLowerCase()) ?? null;
}

function noFormat(name: string | null): UsageError {
  return new UsageError('bad_format', `there is no output format ${JSON.stringify(name)}`, { hint: `there are: ${FORMATS.join(', ')}` });
}

/** For errors in the command line itself, before it is understood. */
function wantsJson(argv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const given = argv.map((arg, at) => (/^--?format$/.test(arg) ? argv[at + 1] : /^--?format=(.*)$/.exec(arg)?.[1])).findLast((value) => value !== undefined);
  return (given ?? variable(env, 'format'))?.toLowerCase() === 'json';
}
