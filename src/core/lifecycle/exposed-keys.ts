import { PRESENT_EXPOSURES } from '../../pkcs11/index.ts';
import type { ExposedKey } from '../../seal/index.ts';

/** Without what a key was before: that is for `init` and `diagnose` to say, not for every boot. */
export function presentlyExposed(keys: readonly ExposedKey[]): ExposedKey[] {
  const present = keys.map(({ label, exposures }) => ({
    label,
    exposures: exposures.filter((one) => PRESENT_EXPOSURES.includes(one)),
  }));
  return present.filter(({ exposures }) => exposures.length > 0);
}
