import type { Takes } from './declare.ts';
import type { EngineRequest, Handler, PathParts, Route } from './engine.ts';

interface Found<Context> {
  readonly handler: Handler<Context>;
  readonly takes: Takes;
  readonly parts: PathParts;
}

/** The first route that fits and has the operation, or null. */
export function findRoute<Context>(
  routes: readonly Route<Context>[],
  { operation, path }: Pick<EngineRequest, 'operation' | 'path'>,
): Found<Context> | null {
  for (const [pattern, , operations, takes] of routes) {
    const handler = operations[operation];
    const parts = handler === undefined ? null : match(pattern, path);
    if (handler !== undefined && parts !== null) return { handler, takes: takes?.[operation] ?? {}, parts };
  }
  return null;
}

/** What the pattern's names stand for in a path that fits, or null. */
export function match(pattern: string, path: string): PathParts | null {
  const wanted = pattern.split('/');
  const given = path === '' ? [] : path.split('/');
  const parts: { [name: string]: string } = {};
  for (const [at, part] of wanted.entries()) {
    if (part.startsWith('*')) {
      parts[part.slice(1)] = given.slice(at).join('/');
      return parts;
    }
    const segment = given[at];
    if (segment === undefined) return null;
    if (part.startsWith(':')) parts[part.slice(1)] = segment;
    else if (part !== segment) return null;
  }
  return given.length === wanted.length ? parts : null;
}
