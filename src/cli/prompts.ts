import type { createPromptModule } from 'inquirer';
import { StoreError } from '../errors.ts';

/** Questions to the operator. They go to stderr, so that stdout stays for results; inquirer is loaded only here. */

/** Asks for the user PIN without showing it. */
export async function askPin(tokenLabel: string): Promise<string> {
  const question = { type: 'password', name: 'pin', mask: '*', message: `PIN of the token "${tokenLabel}"` } as const;
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
  try {
    return await use(inquirer.createPromptModule({ input: process.stdin, output: process.stderr }));
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') {
      throw new StoreError('cancelled', 'the question was not answered; nothing was done');
    }
    throw error;
  }
}
