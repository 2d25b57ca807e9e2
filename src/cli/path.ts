import { StoreError } from '../errors.ts';

/** A path as it was typed, without one slash at either end, as Vault takes it. */
export function trimSlashes(path: string): string {
  return path.replace(/^\//, '').replace(/\/$/, '');
}

export function noValue(path: string): StoreError {
  return new StoreError('no_value', `no value found at ${path}`);
}
