import { firstSet, stateFolder, variables } from '../../../config/index.ts';
import {
  checkTokenLabel,
  initialiseToken,
  slotForToken,
  type TokenDescription,
  tokenState,
} from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import { pinFrom } from '../../../pin.ts';
import { visible } from '../../../visible.ts';
import { command, type Invocation } from '../../command.ts';
import { printObject } from '../../output.ts';
import { askNewPin, askPinAs, askText, confirm } from '../../prompts.ts';
import type { Terminal } from '../../terminal.ts';
import { chosenModule, LIB } from './module.ts';
import { RETRY_PIN } from '../login-flags.ts';
import { describeToken } from './slots.ts';

const DEFAULT_LABEL = 'coffer';

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
    const { slot, token } = await slotForToken(module, wanted);
    if (!flags.force) await ask(token, terminal);
    const pins = await newPins(invocation, token);
    const note = (text: string): void => terminal.note(text);
    const officer = { state: stateFolder(process.env, process.getuid?.()), retryPin: flags['retry-pin'], note };
    const made = await initialiseToken(module, slot, { label, ...pins }, officer);
    if (made.slot !== slot)
      terminal.note(`the module has numbered its slots anew: the token is in slot ${made.slot} now`);
    const where = `in slot ${made.slot}, serial ${visible(made.serial)}`;
    const line = `Success! Initialised the token "${visible(made.label)}" ${where}`;
    await printObject(invocation, describeToken(made), () => line);
  },
});

function slotNumber(text: string | null): bigint | null {
  if (text === null) return null;
  if (/^(?:\d+|0[xX][0-9a-fA-F]+)$/.test(text)) return BigInt(text);
  throw new UsageError('bad_flag', `-slot is a number, decimal or 0x hexadecimal, not ${JSON.stringify(text)}`, {
    hint: 'see: coffer hsm slots',
  });
}

/** A token in use is erased only for somebody who knows which one it is. */
async function ask(token: TokenDescription, terminal: Terminal): Promise<void> {
  const where = `slot ${token.slot} (${[token.manufacturer, token.model, token.serial].filter((text) => text !== '').join(', ')})`;
  if (!tokenState(token).initialized) {
    if (await confirm(`Initialise the token in ${where}?`)) return;
    throw cancelled();
  }
  const label = visible(token.label); // who cannot type what is in it types what is shown
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
async function newPins({ terminal }: Invocation, token: TokenDescription): Promise<{ soPin: string; pin: string }> {
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
  const soPin = given.soPin ?? (await soPinFromTerminal(token));
  return { soPin, pin: given.pin ?? (await askNewPin('New user PIN, which coffer logs in with')) };
}

function fromEnvironment(names: readonly string[]): string | null {
  const found = firstSet(process.env, names);
  return found === null ? null : pinFrom(found.value, `environment variable ${found.name}`);
}

/** An initialised token wants the one that it has (PKCS#11 v2.40 section 5.5, C_InitToken). */
async function soPinFromTerminal(token: TokenDescription): Promise<string> {
  if (!tokenState(token).initialized) return askNewPin('New security officer PIN');
  return askPinAs(`Security officer PIN of the token "${token.label}"`);
}
