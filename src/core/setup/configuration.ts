import { hasHidden } from '../../visible.ts';

/** The answers of `coffer setup` as the text of a configuration file that coffer-config(5) describes. */

export interface Answers {
  readonly lib: string;
  readonly libraryParameters: string | null;
  /** What chooses the token: one line or more of the stanza. */
  readonly token: readonly (readonly ['token_label' | 'serial' | 'slot', string])[];
  /** As it is written, e.g. "file:/run/pin"; null to be asked. */
  readonly pin: string | null;
  readonly keyLabel: string;
  readonly hmacKeyLabel: string | null;
  readonly generateKey: boolean;
  readonly storePath: string;
  readonly entropy: boolean;
}

export function configurationText(answers: Answers): string {
  const { lib, libraryParameters, token, pin, keyLabel, hmacKeyLabel, generateKey, storePath, entropy } = answers;
  const lines = [
    '# Written by `coffer setup`. Every parameter is described in coffer-config(5).',
    '# Who can write this file can choose the library that coffer loads: keep it to yourself.',
    '',
    '# Where the encrypted secrets are.',
    'storage "sqlite" {',
    `  path = ${quoted(storePath)}`,
    '}',
    '',
    '# The HSM whose key opens the store.',
    'seal "pkcs11" {',
    '  # The PKCS#11 module that came with the HSM.',
    `  lib = ${quoted(lib)}`,
    ...(libraryParameters === null
      ? []
      : ['  # What C_Initialize is given.', `  library_parameters = ${quoted(libraryParameters)}`]),
    '',
    '  # Which of its tokens. token_label, serial and slot can be combined; all must match. The serial number keeps',
    '  # another token of the same label from being sent the PIN.',
    ...token.map(([name, value]) => `  ${name} = ${quoted(value)}`),
    '',
    ...pinLines(pin),
    '',
    '  # The key in the HSM that wraps the root key of the store.',
    `  key_label = ${quoted(keyLabel)}`,
    ...(hmacKeyLabel === null
      ? ['  # No HMAC key: wrapping is by CKM_AES_GCM or RSA-OAEP alone.', '  # hmac_key_label = "coffer-hmac"']
      : ['  # The key in the HSM that authenticates what is wrapped.', `  hmac_key_label = ${quoted(hmacKeyLabel)}`]),
    '  # Whether `coffer init` may create these keys where they are missing.',
    `  generate_key = ${String(generateKey)}`,
    '}',
    '',
    ...entropyLines(entropy),
    '',
    '# Whether the first command after a boot may unseal the store by itself.',
    'auto_unseal = false',
    '',
  ];
  return lines.join('\n');
}

function pinLines(pin: string | null): string[] {
  if (pin !== null) {
    return ['  # Where the user PIN comes from; COFFER_HSM_PIN goes before it.', `  pin = ${quoted(pin)}`];
  }
  return [
    '  # The user PIN is asked for on a terminal, unless COFFER_HSM_PIN holds it. Other ways:',
    '  # pin = "file:/path/to/pin"',
    '  # pin = "env:NAME"',
    '  # pin = "credential:NAME"    # of systemd',
  ];
}

function entropyLines(entropy: boolean): string[] {
  const stanza = ['entropy "seal" {', '  mode = "augmentation"', '}'];
  return [
    "# Mix the HSM's random bytes into every key that coffer makes.",
    ...stanza.map((line) => (entropy ? line : `# ${line}`)),
  ];
}

/** A string of HCL: what would begin a template, and what an editor would not show, is escaped. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[$%](?=\{)/g, codePoint);
  return `"${Array.from(escaped, (character) => (hasHidden(character) ? codePoint(character) : character)).join('')}"`;
}

function codePoint(character: string): string {
  const digits = (character.codePointAt(0) ?? 0).toString(16);
  return digits.length <= 4 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}
