import type { createPromptModule } from 'inquirer';
import { StoreError } from '../errors.ts';

/** Questions to the operator. They go to stderr, so that stdout stays for results; inquirer is loaded only here. */

/** Asks for the user PIN without showing it. */
export async function askPin(tokenLabel: string): Promise<string> {
  const question = { type: 'password', name: 'pin', mask: '*', toggleMask: false, message: `PIN of the token "${tokenLabel}"` } as const;
  return answered(async (prompt) => (await prompt<{ pin: string }>([question])).pin);
}

/** A yes/no question; no unless the operator says yes. */
export async function confirm(message: string): Promise<boolean> {
  const question = { type: 'confirm', name: 'yes', message, default: false } as const;
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
