import { ConfigError } from './errors.ts';

/**
 * The PIN in what a source holds: its text without one line end, which editors and `echo` put there. Whatever the source,
 * what cannot be a PIN must not cost one of the token's tries.
 * @param origin where the text comes from; it begins the message
 * @throws ConfigError `pin_not_set`, `pin_malformed`; neither holds anything of the text
 */
export function pinFrom(text: string, origin: string): string {
  const pin = text.replace(/\r?\n$/, '');
  if (pin === '') throw new ConfigError('pin_not_set', `${origin} is empty`, { hint: HINT });
  const problem = pinProblem(pin);
  if (problem === null) return pin;
  throw new ConfigError('pin_malformed', `${origin} ${problem}; the token was not asked`, { hint: HINT });
}

/** Why a text cannot be a PIN, such as "holds a tab, which no PIN has"; null where it can. */
export function pinProblem(text: string): string | null {
  const found = IMPOSSIBLE.find(([pattern]) => pattern.test(text));
  return found === undefined ? null : `holds ${found[1]}, which no PIN has`;
}

const HINT = 'put the PIN there, on one line and nothing else';

const IMPOSSIBLE: readonly (readonly [RegExp, string])[] = [
  [/\uFEFF/, 'a byte order mark'],
  [/\0/, 'a NUL'],
  [/[\n\v\f\r\u0085\u2028\u2029]/, 'a line break'],
  [/\t/, 'a tab'],
  [/\p{Cc}/u, 'a control character'],
  // Node decodes files and the environment so; PKCS#11 v2.40 section 5.6 has PINs in UTF-8.
  [/\uFFFD|\p{Cs}/u, 'bytes that are not UTF-8'],
];
