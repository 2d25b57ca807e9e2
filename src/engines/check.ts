import type { View } from '../barrier/index.ts';
import { fromUtf8 } from '../bytes.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue, parseJson } from '../json.ts';

/** What an engine is given to look over a mount with. */
export interface CheckContext {
  /** The mount's path with its slash, for messages. */
  readonly mountPath: string;
  readonly view: Pick<View, 'get'>;
  /** Whether there is a row, without opening it. */
  has(path: readonly string[]): Promise<boolean>;
}

/**
 * Is given each row of a mount with its value, which the barrier opened, and tells what is wrong with it, in sentences that name it; nothing
 * where all is well. Rows come folder by folder, so that a check need not keep more than one of those before.
 */
export type RowCheck = (path: readonly string[], value: Uint8Array) => Promise<readonly string[]>;

/** A stored JSON object; null where the bytes are none. */
export function storedObject(bytes: Uint8Array): JsonObject | null {
  try {
    const value = parseJson(fromUtf8(bytes));
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether a stored value is a whole number within bounds. */
export function isWhole(value: JsonValue | undefined, least: number, most = Number.MAX_SAFE_INTEGER): boolean {
  const number = isLosslessNumber(value) ? Number(value.value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= least && number <= most;
}
