import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../json.ts';
import type { KnownParameters, Takes } from './declare.ts';
import type { PathParts } from './engine.ts';

/** Names among the data of a request that change nothing. */
export interface IgnoredNames {
  /** That the handler does not know; one within an object after the object's name and a dot. */
  readonly unknown: readonly string[];
  /** That the path says already. */
  readonly replaced: readonly string[];
  /** That count in the items of the batch alone. */
  readonly shadowed: readonly string[];
}

/** Null where everything counts. */
export function ignoredNames(takes: Takes, parts: PathParts, data: JsonObject): IgnoredNames | null {
  if (takes === 'anything') return null;
  const unknown = unknownNames(takes, data);
  const replaced = unknown.filter((name) => Object.hasOwn(parts, name));
  const shadowed = shadowedNames(takes, data);
  if (unknown.length === 0 && shadowed.length === 0) return null;
  return { unknown: unknown.filter((name) => !replaced.includes(name)), replaced, shadowed };
}

function unknownNames(takes: KnownParameters, data: JsonObject): string[] {
  return Object.entries(data).flatMap(([name, value]) => {
    if (!Object.hasOwn(takes, name)) return [name];
    const members = takes[name]?.members ?? null;
    if (members === null) return [];
    const within = objectsIn(value).flatMap((object) => unknownNames(members, object));
    return [...new Set(within)].map((member) => `${name}.${member}`);
  });
}

/** Beside a batch, what each of its items has for itself. */
function shadowedNames(takes: KnownParameters, data: JsonObject): string[] {
  if ((data['batch_input'] ?? null) === null) return [];
  const members = takes['batch_input']?.members ?? {};
  return Object.keys(data).filter((name) => Object.hasOwn(takes, name) && Object.hasOwn(members, name));
}

/** An object itself, or those of a list; on a command line either may be JSON text. */
function objectsIn(value: JsonValue): JsonObject[] {
  const parsed = typeof value === 'string' ? fromText(value) : value;
  return (Array.isArray(parsed) ? parsed : [parsed]).filter(isJsonObject);
}

function fromText(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    return null; // the handler says what is wrong with it
  }
}
