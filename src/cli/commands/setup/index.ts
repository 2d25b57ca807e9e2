import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type Config,
  configFiles,
  configurationOf,
  overrides,
  readPin,
  stateFolder,
  variable,
} from '../../../config/index.ts';
import {
  configurationText,
  type Context,
  describeSituation,
  thisMachine,
  tryConfiguration,
  tryConfigurationPlace,
  writeConfiguration,
} from '../../../core/index.ts';
import { CofferError, ConfigError, hasCode, HsmError, StoreError, UsageError } from '../../../errors.ts';
import { shellWord } from '../../../shell.ts';
import { command, type Invocation } from '../../command.ts';
import { layOut } from '../../layout.ts';
import { printObject } from '../../output.ts';
import { askPin, confirm } from '../../prompts.ts';
import { hintText } from '../../remedies.ts';
import type { Terminal } from '../../terminal.ts';
import { trialErrors, trialTable } from '../hsm/test.ts';
import { askRest } from './questions.ts';
import { step } from '../../step.ts';
import { chooseToken } from './token.ts';

export const setupCommand = command('setup', {
  summary: 'find the HSM, ask for what is missing, and write a configuration',
  examples: ['coffer setup', 'coffer setup -config=/etc/coffer/coffer.hcl'],
  async run(invocation) {
    const { terminal } = invocation;
    if (!terminal.isInteractive()) {
      throw new UsageError('no_terminal', 'setup asks questions, and there is no terminal to ask them on', {
        hint: 'write the configuration by hand; coffer-config(5) describes it and begins with an example',
      });
    }
    describeSituation(
      'no configuration was written; with COFFER_HSM_LIB set to the path of a module, setup looks at that one alone',
    );
    const target = targetPath(invocation);
    const fromEnvironment = variable(process.env, 'config');
    const named = fromEnvironment === null ? null : resolve(fromEnvironment);
    if (existsSync(target) && !(await confirm(`${target} is there already. Replace it?`))) throw nothingWritten();
    warnOfEnvironment(terminal);
    terminal.dialogue.note('Esc goes back to the question before');
    const written = step(
      () => chooseToken(terminal),
      (chosen) =>
        askRest(chosen, async (answers) => {
          const text = configurationText(answers);
          const config = await readBack(target, text);
          if (
            !(await looksGood(config, chosen.pin, terminal)) &&
            !(await confirm('Write the configuration all the same?'))
          )
            throw nothingWritten();
          await writeConfiguration(target, text);
        }),
    );
    await written.catch((error: unknown) => {
      // A token may have been initialised by then, which has been said.
      throw hasCode(error, StoreError, 'cancelled') ? nothingWritten() : error;
    });
    const next = foundByItself(named) === target ? 'coffer init' : `coffer -config=${shellWord(target)} init`;
    const line = `Success! Wrote ${target}. Create the store with: ${next}`;
    await printObject(invocation, { config: target, next }, () => line);
  },
});

/** Where it goes: what names the configuration for every command, else the first place where it is looked for. */
function targetPath({ configPaths: [named, ...others] }: Invocation): string {
  if (others.length > 0) {
    throw new UsageError('bad_flag', 'setup writes one file, and there is more than one -config', {
      hint: 'name the file that it is to write',
    });
  }
  const target =
    named ??
    variable(process.env, 'config') ??
    (process.getuid?.() === 0 ? '/etc/coffer/coffer.hcl' : configFiles(process.env)[0]);
  if (target === undefined)
    throw new ConfigError('config_unwritable', 'there is no place for the configuration', {
      hint: 'name one with -config=PATH',
    });
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new UsageError('bad_flag', `setup writes one file, and ${target} is a folder`, {
      hint: 'name the file that it is to write',
    });
  if (!target.endsWith('.json')) return resolve(target);
  throw new UsageError('bad_flag', `setup writes HCL, not JSON: ${target}`, {
    hint: 'choose a name that ends in .hcl',
  });
}

/** What the text means where it will stand. Nothing of it is left there while questions are open: it may hold a PIN. */
async function readBack(target: string, text: string): Promise<Config> {
  tryConfigurationPlace(target);
  return configurationOf(target, text, withoutOverrides());
}

/** The configuration of a command without -config. @param named what COFFER_CONFIG names, as a whole path */
function foundByItself(named: string | null): string | null {
  return named ?? configFiles(process.env).find((file) => existsSync(file)) ?? null;
}

function nothingWritten(): StoreError {
  return new StoreError('cancelled', 'no configuration was written');
}

function warnOfEnvironment(terminal: Terminal): void {
  const names = overrides(process.env);
  if (names.length > 0) terminal.dialogue.warn(`${names.join(', ')} will go before what the configuration says`);
}

/** The file is tried as it is. */
function withoutOverrides(): NodeJS.ProcessEnv {
  const names = new Set(overrides(process.env));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.has(name)));
}

/** Logs in, tries the generator where it is wanted and the keys, and says what came of it. @param known the user PIN, if setup has given it */
async function looksGood(config: Config, known: string | null, terminal: Terminal): Promise<boolean> {
  for (const note of config.notes) terminal.dialogue.note(note);
  try {
    const { missing, trial, generator } = await tryConfiguration(contextOf(config, known, terminal));
    if (generator !== null) terminal.dialogue.error(generator);
    if (trial === null) {
      const names = missing.map((label) => `"${label}"`).join(' and ');
      if (config.seal.generateKey) terminal.dialogue.note(`\`coffer init\` will create ${names} in the HSM`);
      else terminal.dialogue.warn(`the HSM has no key ${names}; make what is missing with: coffer hsm keygen`);
      return generator === null;
    }
    terminal.printAside(await layOut(trialTable(trial), terminal.width()));
    const errors = trialErrors(trial);
    for (const error of errors) terminal.dialogue.error(error);
    return generator === null && errors.length === 0;
  } catch (error) {
    if (!(error instanceof HsmError || error instanceof ConfigError)) throw error;
    terminal.dialogue.error(error);
    return false;
  }
}

/** The PIN comes from where the configuration says, once; where that is not there yet, somebody is asked. */
function contextOf(config: Config, known: string | null, terminal: Terminal): Context {
  const { pin } = config.seal;
  return {
    config,
    machine: thisMachine,
    forceLogin: false,
    retryPin: false,
    state: stateFolder(process.env, process.getuid?.()),
    onLogin: () => undefined,
    note: (text) => terminal.dialogue.note(hintText(text)),
    pinPad: (token) => terminal.dialogue.note(`enter the PIN of the token "${token.label}" on its PIN pad`),
    pin: async (token) => {
      if (known !== null && known !== '') return known;
      if (pin === null) return askPin(token.label);
      try {
        return readPin(pin, process.env);
      } catch (error) {
        if (!(error instanceof CofferError)) throw error;
        terminal.dialogue.warn(error.message);
        return askPin(token.label);
      }
    },
  };
}
