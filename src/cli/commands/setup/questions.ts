import { isAbsolute } from 'node:path';
import { defaultStorePath } from '../../../config/index.ts';
import { type Answers, tokenState } from '../../../core/index.ts';
import { askText, confirm } from '../../prompts.ts';
import { choosePin } from './pin.ts';
import { step } from '../../step.ts';
import type { ChosenToken } from './token.ts';

/** Names in a record have one length byte (coffer-format(7)). */
const LONGEST_LABEL = 255;

/** Asks for what the token alone does not tell, and goes on with all of it. @returns what `next` returns */
export async function askRest<T>(chosen: ChosenToken, next: (answers: Answers) => Promise<T>): Promise<T> {
  const { module, token, selector } = chosen;
  const { loginRequired, pinPad, writeProtected } = tokenState(token);
  const withKeys = (pin: Answers['pin']): Promise<T> =>
    step(askKeyLabel, (keyLabel) =>
      step(askHmacKeyLabel(keyLabel), (hmacKeyLabel) =>
        step(askToGenerate(!writeProtected), (generateKey) =>
          step(askStorePath, (storePath) =>
            step(askForEntropy, (entropy) => {
              const { lib, parameters: libraryParameters } = module;
              const keys = { keyLabel, hmacKeyLabel: hmacKeyLabel === '-' ? null : hmacKeyLabel, generateKey };
              return next({ lib, libraryParameters, token: selector, pin, ...keys, storePath, entropy });
            }),
          ),
        ),
      ),
    );
  return loginRequired && !pinPad ? step(choosePin, withKeys) : withKeys(null);
}

const askKeyLabel = async (before: string | null): Promise<string> =>
  askText('Label of the wrapping key', before ?? 'coffer', labelProblem);

const askHmacKeyLabel = (keyLabel: string) => async (before: string | null) =>
  askText('Label of the HMAC key, or - for none', before ?? 'coffer-hmac', (label) =>
    label === keyLabel ? 'that is the wrapping key' : labelProblem(label),
  );

const askToGenerate = (proposal: boolean) => async (before: boolean | null) =>
  confirm('May `coffer init` create these keys where they are missing?', before ?? proposal);

const askStorePath = async (before: string | null): Promise<string> =>
  askText(
    'Path of the store',
    before ?? defaultStorePath(process.env, process.getuid?.()) ?? '/var/lib/coffer/coffer.db',
    (path) => (isAbsolute(path) ? null : 'the path begins with "/"'),
  );

const askForEntropy = async (before: boolean | null): Promise<boolean> =>
  confirm("Mix the HSM's random bytes into every key that coffer makes?", before ?? true);

function labelProblem(label: string): string | null {
  if (label === '') return 'a label has at least one character';
  return Buffer.byteLength(label) > LONGEST_LABEL ? `a label has at most ${LONGEST_LABEL} bytes` : null;
}
