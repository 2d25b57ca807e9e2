import type { createPromptModule } from 'inquirer';
import { StoreError } from '../errors.ts';
import { pinProblem } from '../pin.ts';
import { hasHidden, visible } from '../visible.ts';

/**
 * Questions to the operator. They go to stderr, so that stdout stays for results; inquirer is loaded only here. They may
 * hold labels that somebody else gave a token, so control characters in them are shown, not sent.
 */

/** Asks for the user PIN without showing it. */
export async function askPin(tokenLabel: string): Promise<string> {
  return askPinAs(`PIN of the token "${tokenLabel}"`);
}

/** Asks for a PIN in words of the caller's; what cannot be one is not taken. */
export async function askPinAs(message: string): Promise<string> {
  return askHidden(message, pinProblem);
}

/** Asks for what must not be shown. @param problem what is wrong with an answer; null for nothing */
export async function askHidden(message: string, problem: (answer: string) => string | null = () => null): Promise<string> {
  const validate = (answer: string): true | string => problem(answer) ?? true;
  const question = { type: 'password', name: 'answer', mask: '*', toggleMask: false, message: visible(message), validate } as const;
  return answered(async (prompt) => (await prompt<{ answer: string }>([question])).answer);
}

/** Asks for a new PIN twice, until both are the same. */
export async function askNewPin(message: string): Promise<string> {
  const validate = (pin: string): true | string => (pin === '' ? 'a PIN has at least one character' : (pinProblem(pin) ?? true));
  const question = { type: 'password', name: 'answer', mask: '*', toggleMask: false, message: visible(message), validate } as const;
  const first = await answered(async (prompt) => (await prompt<{ answer: string }>([question])).answer);
  const again = { ...question, message: `${question.message}, again`, validate: (pin: string) => pin === first || 'that is another one' };
  return answered(async (prompt) => (await prompt<{ answer: string }>([again])).answer);
}

/** Asks for a line of text. A proposal that cannot be shown as it is is not made. @param problem what is wrong with an answer; null for nothing */
export async function askText(message: string, proposal: string, problem: (text: string) => string | null): Promise<string> {
  const validate = (text: string): true | string => problem(text.trim()) ?? true;
  const question = { type: 'input', name: 'answer', message: visible(message), default: hasHidden(proposal) ? '' : proposal, validate } as const;
  return answered(async (prompt) => (await prompt<{ answer: string }>([question])).answer.trim());
}

export interface Choice {
  readonly name: string;
  /** Why it cannot be chosen; null where it can. */
  readonly disabled: string | null;
}

/** Lets one of several be chosen with the arrow keys. @returns its position */
export async function askChoice(message: string, choices: readonly Choice[]): Promise<number> {
  const listed = choices.map(({ name, disabled }, value) => ({ name: visible(name), value, ...(disabled === null ? {} : { disabled: `(${disabled})` }) }));
  const question = { type: 'select', name: 'answer', message: visible(message), choices: listed, loop: false, pageSize: 12 } as const;
  return answered(async (prompt) => (await prompt<{ answer: number }>([question])).answer);
}

/** A yes/no question; no unless the operator says yes, or where `proposal` is yes. */
export async function confirm(message: string, proposal = false): Promise<boolean> {
  const question = { type: 'confirm', name: 'yes', message: visible(message), default: proposal } as const;
  return answered(async (prompt) => (await prompt<{ yes: boolean }>([question])).yes);
}

type PromptModule = ReturnType<typeof createPromptModule>;

/** @throws StoreError `cancelled` when the operator ends it with Ctrl-C */
async function answered<T>(use: (prompt: PromptModule) => Promise<T>): Promise<T> {
  const inquirer = await import('inquirer');
  for (const signal of ENDINGS) process.prependListener(signal, restoreTerminal);
  try {
    return await use(inquirer.createPromptModule({ input: process.stdin, output: process.stderr }));
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') {
      throw new StoreError('cancelled', 'the question was not answered; nothing was done');
    }
    throw error;
  } finally {
    for (const signal of ENDINGS) process.removeListener(signal, restoreTerminal);
  }
}

const ENDINGS = ['SIGTERM', 'SIGHUP'] as const;

/** A prompt has the terminal in raw mode without a cursor, which a signal would leave so. */
function restoreTerminal(signal: NodeJS.Signals): void {
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.stderr.write('\x1b[?25h');
  process.removeListener(signal, restoreTerminal);
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
