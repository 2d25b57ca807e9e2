import { checkTokenLabel, type ModuleOptions, type TokenDescription } from '../../../core/index.ts';
import { hasCode, StoreError, UsageError } from '../../../errors.ts';
import { shellWord } from '../../../shell.ts';
import { askText, OneBack } from '../../prompts.ts';
import type { Terminal } from '../../terminal.ts';
import { askToInitialise, DEFAULT_LABEL, initialise, initialised } from '../hsm/init-token.ts';
import { step } from '../../step.ts';

/**
 * Initialises a token that is blank, or was left half made, for somebody who wants that; else says with which command it is done.
 * @returns the token as it is then, and its user PIN, "" where that is entered on a PIN pad; null where it was left as it is
 */
export async function initialiseBlank(
  module: ModuleOptions,
  token: TokenDescription,
  terminal: Terminal,
): Promise<{ readonly made: TokenDescription; readonly pin: string } | null> {
  return step(
    () => isWanted(module, token, terminal),
    async (wanted) => {
      if (!wanted) return null;
      const done = await step(
        (before: string | null) => askText('Label of the token', before ?? DEFAULT_LABEL, labelProblem),
        (label) => initialise(module, token, { label, retryPin: false }, terminal),
      );
      terminal.dialogue.note(initialised(done.made));
      return done;
    },
  );
}

async function isWanted(module: ModuleOptions, token: TokenDescription, terminal: Terminal): Promise<boolean> {
  try {
    await askToInitialise(token, terminal);
    return true;
  } catch (error) {
    if (error instanceof OneBack || !hasCode(error, StoreError, 'cancelled')) throw error;
    terminal.dialogue.note(`it can be initialised later with: ${commandLine(module, token)}`);
    return false;
  }
}

function commandLine({ lib, parameters }: ModuleOptions, { slot }: TokenDescription): string {
  const before = parameters === null ? '' : `COFFER_HSM_LIBRARY_PARAMETERS=${shellWord(parameters)} `;
  return `${before}coffer hsm init-token -lib=${shellWord(lib)} -slot=${slot} -label=${DEFAULT_LABEL}`;
}

function labelProblem(label: string): string | null {
  try {
    checkTokenLabel(label);
    return null;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}
