import { isAbsolute } from 'node:path';
import { defaultStorePath } from '../../../config/index.ts';
import type { Answers } from '../../../core/index.ts';
import { askText, confirm } from '../../prompts.ts';
import { choosePin } from './pin.ts';
import type { ChosenToken } from './token.ts';

/** Names in a record have one length byte (coffer-format(7)). */
const LONGEST_LABEL = 255;

/** Asks for what the token alone does not tell. */
export async function askRest({ module, token, selector }: ChosenToken): Promise<Answers> {
  const pin = await choosePin(token);
  const keyLabel = await askText('Label of the wrapping key', 'coffer', labelProblem);
  const hmacKeyLabel = await askText('Label of the HMAC key, or - for none', 'coffer-hmac', (label) =>
    label === keyLabel ? 'that is the wrapping key' : labelProblem(label),
  );
  const generateKey = await confirm('May `coffer init` create these keys where they are missing?', true);
  const storePath = await askText(
    'Path of the store',
    defaultStorePath(process.env, process.getuid?.()) ?? '/var/lib/coffer/coffer.db',
    (path) => (isAbsolute(path) ? null : 'the path begins with "/"'),
  );
  const entropy = await confirm("Mix the HSM's random bytes into every key that coffer makes?", true);
  return {
    lib: module.lib,
    libraryParameters: module.parameters,
    token: selector,
    pin,
    keyLabel,
    hmacKeyLabel: hmacKeyLabel === '-' ? null : hmacKeyLabel,
    generateKey,
    storePath,
    entropy,
  };
}

function labelProblem(label: string): string | null {
  if (label === '') return 'a label has at least one character';
  return Buffer.byteLength(label) > LONGEST_LABEL ? `a label has at most ${LONGEST_LABEL} bytes` : null;
}
