import { EXPOSURE_TEXT } from '../../core/index.ts';
import type { ExposedKey } from '../../core/index.ts';
import type { Terminal } from '../terminal.ts';

/** A warning for each key that wraps or authenticates and is not safe. */
export function warnOfExposedKeys(terminal: Terminal, keys: readonly ExposedKey[]): void {
  for (const { label, exposures } of keys) {
    for (const exposure of exposures) terminal.warn(`the HSM key "${label}" ${EXPOSURE_TEXT[exposure]}; see: coffer diagnose`);
  }
}
