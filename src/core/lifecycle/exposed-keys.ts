import { PRESENT_EXPOSURES } from '../../pkcs11/index.ts';
import type { ExposedKey } from '../../seal/index.ts';

/** Without what a key was before: that is for `init` and `diagnose` to say, not for every boot. */
export function presentlyExposed(keys: readonly ExposedKey[]): ExposedKey[] {
  return keys.flatMap(({ label, exposures }) => {
    const present = exposures.filter((one) => PRESENT_EXPOSURES.includes(one));
    return present.length === 0 ? [] : [{ label, exposures: present }];
  });
}
