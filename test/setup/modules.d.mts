// The types of what tests import; see modules.mjs.

export function ensurePrograms(options?: {
  isRoot?: boolean;
  /** Returns null, or the reason why it could not be done. */
  install?: (packages: readonly string[]) => string | null;
}): void;

export function ensureYubiHsm(options?: {
  env?: Readonly<Record<string, string | undefined>>;
  hasCryptography?: () => boolean;
}): void;
