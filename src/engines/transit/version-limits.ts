import type { Key } from './key.ts';

/** What is wrong with the versions that a key lets serve; null when nothing is. */
export function limitsConflict({ latest, minDecryption, minEncryption, minAvailable }: Key): string | null {
  const limits = { min_decryption_version: minDecryption, min_encryption_version: minEncryption };
  for (const [name, value] of Object.entries(limits)) {
    if (value > latest) return `${name} cannot be ${value}: the latest version is ${latest}`;
    if (value < minAvailable) return `${name} cannot be ${value}: versions before ${minAvailable} were trimmed`;
  }
  if (minEncryption === 0 || minEncryption >= minDecryption) return null;
  return `min_encryption_version (${minEncryption}) cannot be less than min_decryption_version (${minDecryption})`;
}
