import { existsSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { moduleFromEnvironment } from '../../../config/index.ts';
import {
  type Answers,
  findModules,
  type ModuleOptions,
  type SurveyedModule,
  type SurveyedToken,
  type TokenDescription,
  tokenState,
  triedParameters,
  trySurvey,
  usualParameters,
} from '../../../core/index.ts';
import { HsmError } from '../../../errors.ts';
import { askChoice, askText, type Choice } from '../../prompts.ts';
import type { Terminal } from '../../terminal.ts';
import { initialiseBlank } from './blank.ts';
import { step } from '../../step.ts';

export interface ChosenToken {
  readonly module: ModuleOptions;
  readonly token: TokenDescription;
  readonly selector: Answers['token'];
  /** Its user PIN, where setup itself has just given it one; "" where that was on a PIN pad. */
  readonly pin: string | null;
}

/**
 * Looks for modules, shows their tokens, and lets one be chosen or another module be named. Where the environment names a module it
 * is the only one: somebody whose machine has another that crashes can go on so.
 */
export async function chooseToken(terminal: Terminal): Promise<ChosenToken> {
  const { lib: fromEnvironment, parameters } = moduleFromEnvironment(process.env);
  const modules: SurveyedModule[] = [];
  for (const { name, path } of fromEnvironment !== null
    ? [{ name: 'COFFER_HSM_LIB', path: resolve(fromEnvironment) }]
    : findModules()) {
    const given = fromEnvironment === null ? null : parameters;
    modules.push(await trySurvey(name, { lib: path, parameters: given ?? triedParameters(path, process.env) }));
  }
  for (const module of modules) say(terminal, module);
  if (modules.length === 0) terminal.dialogue.note('no PKCS#11 module was found in the usual places');
  for (;;) {
    const tokens = modules.flatMap(tokensOf);
    const choices = [...tokens.map(choiceOf), { name: 'a token of another PKCS#11 module', disabled: null }];
    const chosen = await step(
      (before: number | null) => askChoice('Which token holds the keys?', choices, before),
      async (at) => {
        const token = tokens[at];
        return token === undefined ? askModule() : readyOf(token, terminal);
      },
    );
    if (chosen === null) continue;
    if ('token' in chosen) return chosen;
    const surveyed = await trySurvey(basename(chosen.lib), chosen);
    say(terminal, surveyed);
    modules.push(surveyed);
  }
}

/** The token as coffer can use it, once it is initialised; null where somebody does not want that. */
async function readyOf(chosen: ChosenToken, terminal: Terminal): Promise<ChosenToken | null> {
  const { module, token } = chosen;
  const { initialized, halfMade } = tokenState(token);
  if (initialized && !halfMade) return chosen;
  const done = await initialiseBlank(module, token, terminal);
  if (done === null) return null;
  const { survey } = await trySurvey('', module);
  if (survey instanceof HsmError) throw survey;
  return { ...chosenToken(module, done.made, survey), pin: done.pin };
}

function say(terminal: Terminal, { name, module, survey }: SurveyedModule): void {
  if (survey instanceof HsmError) terminal.dialogue.note(`${name}, ${module.lib}: ${survey.message}`);
  else if (survey.length === 0) terminal.dialogue.note(`${name}, ${module.lib}: no token`);
  else
    for (const { token, canServe } of survey)
      if (!canServe)
        terminal.dialogue.note(
          `${name}, ${module.lib}: token "${token.label}" has no mechanism that coffer could wrap by`,
        );
}

function tokensOf({ module, survey }: SurveyedModule): ChosenToken[] {
  if (survey instanceof HsmError) return [];
  return survey.flatMap(({ token, canServe }) => (canServe ? [chosenToken(module, token, survey)] : []));
}

function chosenToken(module: ModuleOptions, token: TokenDescription, all: readonly SurveyedToken[]): ChosenToken {
  const others = all.map((one) => one.token);
  return { module, token, selector: selectorOf(token, others), pin: null };
}

/**
 * By label and serial number, since slot numbers change, and since whoever brings another token of the same label would be
 * sent the PIN. By slot where a token has neither, or not alone. HCL keeps text in Unicode's normal form C, so what is not in
 * it cannot be said there.
 */
function selectorOf(token: TokenDescription, all: readonly TokenDescription[]): Answers['token'] {
  const isSayable = (text: string): boolean => text !== '' && text.normalize() === text;
  const label = isSayable(token.label) ? token.label : null;
  const serial = isSayable(token.serial) ? token.serial : null;
  const same = all.filter(
    (other) => (label === null || other.label === label) && (serial === null || other.serial === serial),
  );
  return [
    ...(label === null ? [] : [['token_label', label] as const]),
    ...(serial === null ? [] : [['serial', serial] as const]),
    ...(same.length === 1 && (label ?? serial) !== null ? [] : [['slot', String(token.slot)] as const]),
  ];
}

function choiceOf({ module, token }: ChosenToken): Choice {
  const { initialized, halfMade, pin, writeProtected } = tokenState(token);
  const about = [token.model, ...(token.serial === '' ? [] : [`serial ${token.serial}`]), `slot ${token.slot}`].join(
    ', ',
  );
  const name = `${token.label || 'no label'} (${about}) of ${module.lib}`;
  if (!initialized) return { name: `${name}, not initialised yet`, disabled: null };
  if (halfMade) return { name: `${name}, half made: it has no user PIN`, disabled: null };
  if (pin === 'locked') return { name, disabled: 'user PIN locked' };
  return { name: writeProtected ? `${name}, write-protected: its keys must be there` : name, disabled: null };
}

async function askModule(): Promise<ModuleOptions> {
  const lib = await askText('Absolute path of the PKCS#11 module', '', (path) => {
    if (!isAbsolute(path)) return 'the path begins with "/"';
    return existsSync(path) ? null : 'there is no such file';
  });
  const usual = usualParameters(lib, process.env);
  if (usual === null) return { lib, parameters: null };
  return { lib, parameters: await askText(`Library parameters of ${usual.whose}`, usual.value, () => null) };
}
