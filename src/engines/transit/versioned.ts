import { UsageError } from '../../errors.ts';

/** `vault:vN:...`, the form of ciphertexts, signatures and HMACs. */
export function formatVersioned(version: number, payload: string): string {
  return `vault:v${version}:${payload}`;
}

/** @param what the name of the parameter, for messages @throws UsageError `ciphertext_malformed` */
export function parseVersioned(text: string, what: string): { version: number; payload: string } {
  const [, digits, payload] = /^vault:v(\d{1,9}):(.*)$/s.exec(text) ?? [];
  if (digits !== undefined && payload !== undefined) return { version: Number(digits), payload };
  throw malformed(what, 'it does not begin with vault:vN:');
}

export function malformed(what: string, why: string): UsageError {
  return new UsageError('ciphertext_malformed', `the ${what} is malformed: ${why}`, {
    hint: asPrinted(what),
  });
}

/** What to do about a ciphertext, a signature or an HMAC that is none. */
export function asPrinted(what: string): string {
  return `give the ${what} whole, as coffer or Vault printed it`;
}
