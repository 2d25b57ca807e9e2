/**
 * What is said about a command line that is wrong, and the flags of Vault's that coffer has not. Nothing here is loaded for a line
 * that can be run as it stands.
 */
import type { Lore } from '../parse.ts';
import { TOPICS } from '../topics.ts';
import { isCommandWord, unknownCommand, unknownFlag } from './unknown.ts';
import { vaultFlag } from './vault-flags.ts';

export const LORE: Lore = { vaultFlag, unknownFlag, unknownCommand, isCommandWord, topicOf };

/** People write "env" and "config". */
function topicOf(begun: string): string | null {
  if (begun.length < 3) return null;
  return [...TOPICS.keys()].find((name) => name.startsWith(begun.toLowerCase())) ?? null;
}
