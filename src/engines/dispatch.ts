import { StoreError } from '../errors.ts';
import type { Engine, EngineContext, EngineRequest, EngineResponse, Operation, PathParts } from './engine.ts';

/**
 * Finds the route of a request and runs it. The first pattern that fits and has the operation wins.
 * @throws StoreError `unsupported_path` that lists what the engine answers to
 */
export async function dispatch(
  engine: Engine,
  context: EngineContext,
  request: EngineRequest,
): Promise<EngineResponse | null> {
  for (const [pattern, , operations] of await engine.routes()) {
    const handler = operations[request.operation];
    const parts = handler === undefined ? null : match(pattern, request.path);
    if (handler !== undefined && parts !== null) return handler(context, request.data, parts);
  }
  const routes = await describeRoutes(engine, context.mountPath);
  const listed = routes.map(({ path, operations }) => `  ${path} (${operations.join(', ')})`);
  const asked = `${request.operation} "${request.path}"`;
  throw new StoreError('unsupported_path', `the ${engine.type} engine at ${context.mountPath} does not ${asked}`, {
    hint: ['it answers to:', ...listed].join('\n'),
  });
}

/** What an engine answers to, from the table that routes requests. */
export interface RouteDescription {
  /** With the mount's path; names in capitals stand for what the caller gives. */
  readonly path: string;
  readonly operations: readonly Operation[];
  readonly help: string;
}

export async function describeRoutes(engine: Engine, mountPath: string): Promise<RouteDescription[]> {
  return (await engine.routes()).map(([pattern, help, operations]) => ({
    path: mountPath + pattern.replace(/[:*](\w+)/g, (_, name: string) => name.toUpperCase()),
    operations: Object.keys(operations) as Operation[],
    help,
  }));
}

function match(pattern: string, path: string): PathParts | null {
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
