import { stringify } from 'lossless-json';
import type { JsonObject } from '../../src/json.ts';

/** The same text for the same JSON, whatever the order of its keys. Numbers as they were written. */
export function canonical(value: JsonObject): string {
  const sorted = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(sorted);
    if (typeof item !== 'object' || item === null || 'isLosslessNumber' in item) return item;
    const result: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const name of Object.keys(item).sort()) {
      Object.defineProperty(result, name, { value: sorted((item as Record<string, unknown>)[name]), enumerable: true });
    }
    return result;
  };
  return stringify(sorted(value)) ?? '';
}
