import { firstSet, stateFolder, variables } from '../../../config/index.ts';
import {
  checkTokenLabel,
  initialiseToken,
  type ModuleOptions,
  newPinProblem,
  slotForToken,
  type TokenDescription,
  tokenState,
} from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import { pinFrom } from '../../../pin.ts';
import { visible } from '../../../visible.ts';
import { command } from '../../command.ts';
import { printObject } from '../../output.ts';
import { askNewPin, askPinAs, askText, confirm } from '../../prompts.ts';
import type { Terminal } from '../../terminal.ts';
import { step } from '../../step.ts';
import { chosenModule, LIB } from './module.ts';
import { RETRY_PIN } from '../login-flags.ts';
import { describeToken } from './slots.ts';

export const DEFAULT_LABEL = 'coffer';

export const initTokenCommand = command('hsm init-token', {
  summary: 'initialise a token, which erases all that is on it, and set its PINs',
  flags: {
    slot: { kind: 'text', value: 'N', help: 'slot of the token (the only one that is not initialised)' },
    label: { kind: 'text', value: 'LABEL', help: `label of the token, at most 32 bytes (${DEFAULT_LABEL})` },
    ...LIB,
    force: { kind: 'boolean', help: 'do not ask; needed where there is no terminal' },
    ...RETRY_PIN,
  },
  examples: ['coffer hsm init-token -label=demo', 'coffer hsm init-token -slot=1 -label=demo -force'],
  async run(invocation) {
    const { flags, terminal } = invocation;
    const label = checkTokenLabel(flags.label ?? DEFAULT_LABEL);
    const wanted = slotNumber(flags.slot);
    if (!flags.force && !terminal.isInteractive()) {
      const problem = 'initialising a token erases all that is on it, and there is no terminal to ask on';
      throw new UsageError('confirmation_needed', problem, {
        hint: 'if that is what you want, add -force, and set COFFER_HSM_SO_PIN and COFFER_HSM_PIN',
      });
    }
    const module = await chosenModule(invocation);
    const { token } = await slotForToken(module, wanted);
    if (!flags.force) await askToInitialise(token, terminal);
    const { made } = await initialise(module, token, { label, retryPin: flags['retry-pin'] }, terminal);
    await printObject(invocation, describeToken(made), () => `Success! ${initialised(made)}`);
  },
});

/** Gets both PINs and initialises the token. @returns it as it is now, and its user PIN, "" where that is entered on a PIN pad */
export async function initialise(
  module: ModuleOptions,
  token: TokenDescription,
  { label, retryPin }: { readonly label: string; readonly retryPin: boolean },
  terminal: Terminal,
): Promise<{ readonly made: TokenDescription; readonly pin: string }> {
  const pins = await newPins(terminal, token);
  const note = (text: string): void => terminal.note(text);
  const officer = { state: stateFolder(process.env, process.getuid?.()), retryPin, note };
  const made = await initialiseToken(module, token, { label, ...pins }, officer);
  if (made.slot !== token.slot)
    terminal.note(`the module has numbered its slots anew: the token is in slot ${made.slot} now`);
  return { made, pin: pins.pin };
}

export function initialised(made: TokenDescription): string {
  return `Initialised the token "${visible(made.label)}" in slot ${made.slot}, serial ${visible(made.serial)}`;
}

function slotNumber(text: string | null): bigint | null {
  if (text === null) return null;
  if (/^(?:\d+|0[xX][0-9a-fA-F]+)$/.test(text)) return BigInt(text);
  throw new UsageError('bad_flag', `-slot is a number, decimal or 0x hexadecimal, not ${JSON.stringify(text)}`, {
    hint: 'see: coffer hsm slots',
  });
}

/** A token in use is erased only for somebody who knows which one it is. @throws StoreError `cancelled` */
export async function askToInitialise(token: TokenDescription, terminal: Terminal): Promise<void> {
  const where = `slot ${token.slot} (${[token.manufacturer, token.model, token.serial].filter((text) => text !== '').join(', ')})`;
  const { initialized, halfMade } = tokenState(token);
  if (!initialized) {
    if (await confirm(`Initialise the token in ${where}?`)) return;
    throw cancelled();
  }
  const label = visible(token.label); // who cannot type what is in it types what is shown
  if (halfMade)
    terminal.dialogue.note(`the token "${label}" was left half made: it has no user PIN, and nobody can log in`);
  terminal.dialogue.warn(`this erases every key on the token "${label}" in ${where}`);
  const answer = await askText('Type its label to go on', '', () => null);
  if (answer !== label.trim()) throw cancelled();
}

function cancelled(): StoreError {
  return new StoreError('cancelled', 'nothing was initialised');
}

/**
 * Both PINs; a token with a PIN pad of its own wants none from us (PKCS#11 v2.40 section 5.5, C_InitToken and C_InitPIN).
 * @throws UsageError `pin_missing`
 */
async function newPins(terminal: Terminal, token: TokenDescription): Promise<{ soPin: string; pin: string }> {
  if (tokenState(token).pinPad) {
    terminal.request(
      "enter the security officer's PIN, and then the new user PIN, on the token's PIN pad as it asks for them",
    );
    return { soPin: '', pin: '' };
  }
  const given = { soPin: fromEnvironment(variables.new_so_pin), pin: fromEnvironment(variables.new_pin) };
  if (!terminal.isInteractive() && (given.soPin === null || given.pin === null)) {
    const missing = given.soPin === null ? 'COFFER_HSM_SO_PIN' : 'COFFER_HSM_PIN';
    throw new UsageError('pin_missing', `${missing} is not set, and there is no terminal to ask on`, {
      hint: "set COFFER_HSM_SO_PIN to the security officer's PIN and COFFER_HSM_PIN to the user's",
    });
  }
  const askNew = async (message: string): Promise<string> =>
    askNewPin(
      message,
      (pin) => newPinProblem(token, pin),
      () => terminal.dialogue.warn('the two are not the same; both are asked for anew'),
    );
  // An initialised token wants the one that it has (PKCS#11 v2.40 section 5.5, C_InitToken).
  const askSoPin = async (): Promise<string> =>
    tokenState(token).initialized
      ? askPinAs(`Security officer PIN of the token "${token.label}"`)
      : askNew('New security officer PIN');
  const withPin = async (soPin: string): Promise<{ soPin: string; pin: string }> => ({
    soPin,
    pin: given.pin ?? (await askNew('New user PIN, which coffer logs in with')),
  });
  return given.soPin === null ? step(askSoPin, withPin) : withPin(given.soPin);
}

function fromEnvironment(names: readonly string[]): string | null {
  const found = firstSet(process.env, names);
  return found === null ? null : pinFrom(found.value, `environment variable ${found.name}`);
}
