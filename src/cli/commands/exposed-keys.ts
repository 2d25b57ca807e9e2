import { type ExposedKey, EXPOSURE_TEXT } from '../../core/index.ts';
import type { Terminal } from '../terminal.ts';

/** A warning for each key that wraps or authenticates and is not safe. */
export function warnOfExposedKeys(terminal: Terminal, keys: readonly ExposedKey[]): void {
  for (const warning of exposureWarnings(keys)) terminal.warn(warning);
}

export function exposureWarnings(keys: readonly ExposedKey[]): string[] {
  return keys.flatMap(({ label, exposures }) =>
    exposures.map((exposure) => `the HSM key "${label}" ${EXPOSURE_TEXT[exposure]}; see: coffer diagnose`),
  );
}
