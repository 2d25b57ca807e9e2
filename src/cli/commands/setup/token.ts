import { existsSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { variable } from '../../../config/index.ts';
import {
  type Answers,
  findModules,
  type ModuleOptions,
  type SurveyedModule,
  type TokenDescription,
  tokenState,
  trySurvey,
} from '../../../core/index.ts';
import { HsmError } from '../../../errors.ts';
import { askChoice, askText, type Choice } from '../../prompts.ts';
import type { Terminal } from '../../terminal.ts';

export interface ChosenToken {
  readonly module: ModuleOptions;
  readonly token: TokenDescription;
  readonly selector: Answers['token'];
}

/**
 * Looks for modules, shows their tokens, and lets one be chosen or another module be named. Where the environment names a module it
 * is the only one: somebody whose machine has another that crashes can go on so.
 */
export async function chooseToken(terminal: Terminal): Promise<ChosenToken> {
  const fromEnvironment = variable(process.env, 'lib');
  const modules: SurveyedModule[] = [];
  for (const { name, path } of fromEnvironment !== null
    ? [{ name: 'COFFER_HSM_LIB', path: fromEnvironment }]
    : findModules()) {
    modules.push(await trySurvey(name, { lib: path, parameters: null }));
  }
  for (const module of modules) say(terminal, module);
  if (modules.length === 0) terminal.dialogue.note('no PKCS#11 module was found in the usual places');
  for (;;) {
    const tokens = modules.flatMap(tokensOf);
    const choices = [...tokens.map(choiceOf), { name: 'a token of another PKCS#11 module', disabled: null }];
    const chosen = tokens[await askChoice('Which token holds the keys?', choices)];
    if (chosen !== undefined) return chosen;
    const named = await askModule();
    const surveyed = await trySurvey(basename(named.lib), named);
    say(terminal, surveyed);
    modules.push(surveyed);
  }
}

function say(terminal: Terminal, { name, module, survey }: SurveyedModule): void {
  if (survey instanceof HsmError) terminal.dialogue.note(`${name}, ${module.lib}: ${survey.message}`);
  else if (survey.slots.every(({ token }) => token === null))
    terminal.dialogue.note(`${name}, ${module.lib}: no token`);
}

function tokensOf({ module, survey }: SurveyedModule): ChosenToken[] {
  if (survey instanceof HsmError) return [];
  const tokens = survey.slots.flatMap(({ token }) => (token === null ? [] : [token]));
  return tokens.map((token) => ({ module, token, selector: selectorOf(token, tokens) }));
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
  const { initialized, pin, loginRequired } = tokenState(token);
  const about = [token.model, ...(token.serial === '' ? [] : [`serial ${token.serial}`]), `slot ${token.slot}`].join(
    ', ',
  );
  const name = `${token.label || 'no label'} (${about}) of ${module.lib}`;
  if (!initialized) return { name, disabled: 'not initialised; see: coffer hsm init-token -h' };
  if (pin === 'locked' || (loginRequired && pin === 'not set')) return { name, disabled: `user PIN ${pin}` };
  return { name, disabled: null };
}

async function askModule(): Promise<ModuleOptions> {
  const lib = await askText('Absolute path of the PKCS#11 module', '', (path) => {
    if (!isAbsolute(path)) return 'the path begins with "/"';
    return existsSync(path) ? null : 'there is no such file';
  });
  if (!/softokn/.test(basename(lib))) return { lib, parameters: null };
  const parameters = await askText(
    'Library parameters of NSS',
    "configdir='sql:/etc/pki/nssdb' certPrefix='' keyPrefix='' secmod='secmod.db' flags=",
    () => null,
  );
  return { lib, parameters };
}
