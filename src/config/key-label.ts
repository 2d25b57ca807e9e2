import { ConfigError, UsageError } from '../errors.ts';
import { readName } from './seal-values.ts';

/** A key's label on the command line must be one that key_label takes, or nothing could name the key. @throws UsageError `bad_flag` */
export function checkKeyLabel(label: string, flag: string): string {
  try {
    return readName({ value: label, origin: flag, verbatim: true });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError('bad_flag', error.message, { hint: 'key_label would refuse it, too, so that no configuration could name the key' });
  }
}
