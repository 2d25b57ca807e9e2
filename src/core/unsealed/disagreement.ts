import { IntegrityError } from '../../errors.ts';

/**
 * The record, the count of encryptions and the mount table are each authentic by themselves, so that somebody who can
 * write the store may put back an older one of them. All three are written when a term begins, and so all three name the
 * same one.
 */
export function disagrees(what: string): IntegrityError {
  return new IntegrityError('core_disagrees', `parts of the store are from different times: ${what}`, {
    hint: 'nothing was written; restore the whole store from one backup and find out who could write to it',
  });
}
