import { StoreError } from '../errors.ts';

/** In Vault's words, capital and all, since scripts look for them. */
export function noValue(path: string, hint: string | null = null): StoreError {
  return new StoreError('no_value', `No value found at ${path}`, { hint });
}
