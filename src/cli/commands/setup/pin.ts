import { isAbsolute } from 'node:path';
import { askChoice, askPinAs, askText } from '../../prompts.ts';
import { step } from '../../step.ts';

const SOURCES = ['ask', 'file', 'env', 'credential', 'literal'] as const;

const NAMES: { readonly [source in (typeof SOURCES)[number]]: string } = {
  ask: 'ask for it on the terminal each time (COFFER_HSM_PIN goes before)',
  file: 'from a file',
  env: 'from an environment variable',
  credential: 'from a systemd credential',
  literal: 'from the configuration file itself, in plain text',
};

/** What `pin` in the configuration is to say; null for nothing, so that somebody is asked. */
export async function choosePin(): Promise<string | null> {
  const choices = SOURCES.map((name) => ({ name: NAMES[name], disabled: null }));
  return step(
    (before: number | null) => askChoice('Where does the user PIN come from?', choices, before),
    (chosen) => askSource(SOURCES[chosen] ?? 'ask'),
  );
}

async function askSource(source: (typeof SOURCES)[number]): Promise<string | null> {
  switch (source) {
    case 'file':
      return `file:${await askText('Absolute path of the PIN file', '/etc/coffer/pin', (path) => (isAbsolute(path) ? null : 'the path begins with "/"'))}`;
    case 'env':
      return `env:${await askText('Name of the variable', 'HSM_PIN', (name) => (/^[A-Za-z_]\w*$/.test(name) ? null : 'letters, digits and _'))}`;
    case 'credential':
      return `credential:${await askText('Name of the credential', 'coffer-pin', (name) => (/^[\w.-]{1,255}$/.test(name) && !/^\.{1,2}$/.test(name) ? null : 'letters, digits, _, . and -'))}`;
    case 'literal':
      return askPinAs('User PIN, to be written to the configuration');
    default:
      return null;
  }
}
