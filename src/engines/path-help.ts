import { StoreError } from '../errors.ts';
import type { Takes } from './declare.ts';
import type { EngineRequest, Operation, Route, RouteTable } from './engine.ts';
import { match } from './match.ts';

/** What a table answers to, from the rows that route requests. */
export interface RouteDescription {
  /** With the mount's path; names in capitals stand for what the caller gives. */
  readonly path: string;
  readonly operations: readonly Operation[];
  readonly help: string;
  readonly takes: readonly (readonly [Operation, Takes])[];
  readonly example: Example;
}

/** A request that can be made. */
interface Example {
  readonly operation: Operation;
  readonly path: string;
  /** As a command line has them; "" for none. */
  readonly data: string;
}

/** What is answered at a path, or below it: the one route that fits it, or all that begin with it. */
export interface PathDescription {
  /** Whether the path is that of one route, which is then the only one. */
  readonly single: boolean;
  readonly routes: readonly RouteDescription[];
}

/**
 * @param path below the mount; "" for everything
 * @throws StoreError `unsupported_path`
 */
export async function describePath<Context>(
  table: RouteTable<Context>,
  mountPath: string,
  path: string,
): Promise<PathDescription> {
  const routes = await table.routes();
  const fitting = path === '' ? undefined : routes.find(([pattern]) => match(pattern, path) !== null);
  if (fitting !== undefined) return { single: true, routes: [describe(fitting, mountPath, path)] };
  const below = routes.filter(([pattern]) => path === '' || pattern.startsWith(`${path}/`));
  if (below.length > 0) return { single: false, routes: below.map((route) => describe(route, mountPath)) };
  throw unsupported(`the ${table.type} engine at ${mountPath} has no path "${path}"`, routes, mountPath);
}

export async function unsupportedRequest<Context>(
  table: RouteTable<Context>,
  mountPath: string,
  { operation, path }: EngineRequest,
): Promise<StoreError> {
  return unsupported(
    `the ${table.type} engine at ${mountPath} does not ${operation} ${path === '' ? 'its own path' : `"${path}"`}`,
    await table.routes(),
    mountPath,
  );
}

function unsupported<Context>(message: string, routes: readonly Route<Context>[], mountPath: string): StoreError {
  const listed = routes.map((route) => {
    const { path, operations } = describe(route, mountPath);
    return `  ${path} (${operations.join(', ')})`;
  });
  return new StoreError('unsupported_path', message, { hint: ['it answers to:', ...listed].join('\n') });
}

function describe<Context>(
  [pattern, help, handlers, takes = {}, example]: Route<Context>,
  mountPath: string,
  given: string | null = null,
): RouteDescription {
  const path = mountPath + pattern.replace(/[:*](\w+)/g, (_, name: string) => name.toUpperCase());
  const operations = Object.keys(handlers) as Operation[];
  const [operation = operations[0] ?? 'read', data = ''] = example ?? [];
  return {
    path,
    operations,
    help,
    takes: operations.map((each) => [each, takes[each] ?? {}] as const),
    example: { operation, path: given === null ? path : mountPath + given, data },
  };
}
