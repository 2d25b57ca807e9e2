// The types of what tests import; see softhsm.mjs.

export function ensureSoftHsm(options?: {
  system?: string;
  deps?: string;
  isRoot?: boolean;
  /** Returns null, or the reason why it could not be done. */
  install?: (packages: readonly string[]) => string | null;
}): {
  module: string;
  libraryPath: string | null;
};
