import type * as Prompts from '@inquirer/prompts';
import { StoreError } from '../errors.ts';
import { pinProblem } from '../pin.ts';
import { hasHidden, visible } from '../visible.ts';
import { beforeEnding } from './endings.ts';

/**
 * Questions to the operator. They go to stderr, so that stdout stays for results; only here are inquirer's prompts
 * loaded, and without the rest of it. Questions may hold labels that somebody else gave a token, so control characters in
 * them are shown, not sent.
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
export async function askHidden(message: string, problem: Problem = () => null): Promise<string> {
  const validate = validator(problem);
  return answered(({ password }, streams) =>
    password({ message: visible(message), mask: '*', toggleMask: false, validate }, streams),
  );
}

/**
 * Asks for a new PIN twice. Where the second is another one, the mistake may be in the first, so both are asked for anew; Esc at the
 * second asks for the first again.
 * @param problem as in `askHidden`
 * @param differs told when they are not the same
 */
export async function askNewPin(message: string, problem: Problem, differs: () => void): Promise<string> {
  for (;;) {
    const first = await askHidden(message, (pin) =>
      pin === '' ? 'a PIN has at least one character' : (pinProblem(pin) ?? problem(pin)),
    );
    try {
      if ((await askHidden(`${message}, again`)) === first) return first;
      differs();
    } catch (error) {
      if (!(error instanceof OneBack)) throw error;
    }
  }
}

/** Asks for a line of text. A proposal that cannot be shown as it is is not made. @param problem as in `askHidden` */
export async function askText(message: string, proposal: string, problem: Problem): Promise<string> {
  const validate = validator((text) => problem(text.trim()));
  const question = { message: visible(message), default: hasHidden(proposal) ? '' : proposal, validate };
  return (await answered(({ input }, streams) => input(question, streams))).trim();
}

export interface Choice {
  readonly name: string;
  /** Why it cannot be chosen; null where it can. */
  readonly disabled: string | null;
}

/** Lets one of several be chosen with the arrow keys. @param proposal a position, null for the first  @returns its position */
export async function askChoice(
  message: string,
  choices: readonly Choice[],
  proposal: number | null = null,
): Promise<number> {
  const listed = choices.map(({ name, disabled }, value) => ({
    name: visible(name),
    value,
    disabled: disabled === null ? false : `(${disabled})`,
  }));
  const question = { message: visible(message), choices: listed, loop: false, pageSize: 12, default: proposal ?? 0 };
  return answered(({ select }, streams) => select(question, streams));
}

/** A yes/no question; no unless the operator says yes, or where `proposal` is yes. */
export async function confirm(message: string, proposal = false): Promise<boolean> {
  return answered((prompts, streams) => prompts.confirm({ message: visible(message), default: proposal }, streams));
}

/** Esc: whoever asks several questions asks the one before; to anybody else it is a question that was not answered. */
export class OneBack extends StoreError {
  constructor() {
    super('cancelled', 'the question was not answered; nothing was done');
  }
}

type Streams = Parameters<typeof Prompts.input>[1];
type Problem = (answer: string) => string | null;
const validator = (problem: Problem) => (answer: string) => problem(answer) ?? true;

type Ask<T> = (prompts: typeof Prompts, streams: Streams) => Promise<T>;

/** Ctrl-Z stopped the process, and it goes on: the shell has written over the question since. */
class WentOn extends Error {}

/** @throws StoreError `cancelled` when the operator ends it with Ctrl-C or Ctrl-D; OneBack */
async function answered<T>(ask: Ask<T>): Promise<T> {
  for (;;) {
    try {
      return await answeredAtOnce(ask);
    } catch (error) {
      if (!(error instanceof WentOn)) throw error;
    }
  }
}

async function answeredAtOnce<T>(ask: Ask<T>): Promise<T> {
  const prompts = await import('@inquirer/prompts');
  const stop = beforeEnding(restoreTerminal);
  const cancelled = new AbortController();
  let isStopped = false;
  // Ctrl-D closes readline, which says no more of it than that it pauses its input. Inquirer waits for the end of the process then.
  // It pauses, too, when the process goes on after Ctrl-Z.
  const cancel = (): void => cancelled.abort(isStopped ? new WentOn() : undefined);
  process.stdin.once('pause', cancel);
  const seeKey = (_: unknown, key: { readonly name?: string; readonly ctrl?: boolean } | undefined): void => {
    if (key?.name === 'escape') cancelled.abort(new OneBack());
    if (key?.name === 'z' && key.ctrl === true) isStopped = true;
  };
  process.stdin.on('keypress', seeKey);
  try {
    return await ask(prompts, { input: process.stdin, output: process.stderr, signal: cancelled.signal });
  } catch (error) {
    if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
      const reason: unknown = cancelled.signal.reason;
      throw reason instanceof OneBack || reason instanceof WentOn
        ? reason
        : new StoreError('cancelled', 'the question was not answered; nothing was done');
    }
    throw error;
  } finally {
    process.stdin.removeListener('keypress', seeKey);
    process.stdin.removeListener('pause', cancel);
    stop();
  }
}

/** A prompt has the terminal in raw mode without a cursor, which a signal would leave so. */
function restoreTerminal(): void {
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.stderr.write('\x1b[?25h');
}
