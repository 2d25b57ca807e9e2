import type { KnownParameters, Takes } from '../../../src/engines/declare.ts';
import type { Engine, Handler, Operation, Route, RouteTable } from '../../../src/engines/engine.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/json.ts';

/** The engine, whose handlers fail when they look at a name among the data that their route does not declare. */
export function watched(engine: Engine): RouteTable {
  return {
    type: engine.type,
    routes: async () => (await engine.routes()).map(watchedRoute),
  };
}

function watchedRoute([pattern, help, operations, takes = {}, ...example]: Route): Route {
  const handlers = Object.entries(operations).map(([operation, handler]) => [
    operation,
    watchedHandler(handler, takes[operation as Operation] ?? {}, `${operation} ${pattern}`),
  ]);
  return [pattern, help, Object.fromEntries(handlers) as Route[2], takes, ...example];
}

function watchedHandler(handler: Handler, takes: Takes, where: string): Handler {
  return (context, data, parts) => {
    // What the path says already is looked at, since an empty value is an error there, too.
    const inPath = [...Object.keys(parts), ...(parts['algorithm'] === undefined ? [] : ['hash_algorithm'])];
    return handler(context, takes === 'anything' ? data : watchedObject(data, takes, new Set(inPath), where), parts);
  };
}

function watchedObject(
  data: JsonObject,
  known: KnownParameters,
  inPath: ReadonlySet<string>,
  where: string,
): JsonObject {
  return new Proxy(data, {
    get(target, name) {
      const value = Reflect.get(target, name) as JsonValue | undefined;
      if (typeof name !== 'string' || inPath.has(name) || INHERITED.has(name)) return value;
      if (!Object.hasOwn(known, name)) throw new Error(`${where} looks at ${name}, which it does not declare`);
      const members = known[name]?.members ?? null;
      if (members === null || value === undefined) return value;
      const within = (item: JsonValue): JsonValue =>
        isJsonObject(item) ? watchedObject(item, members, new Set(), `${where}, ${name}`) : item;
      return Array.isArray(value) ? value.map(within) : within(value);
    },
  });
}

/** What the language and the JSON library ask every object for. */
const INHERITED: ReadonlySet<string> = new Set(['constructor', 'isLosslessNumber', 'then', 'toJSON']);
