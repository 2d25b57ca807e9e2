import { StoreError } from '../errors.ts';
import type { Engine, EngineContext, Operation, Parameters, Request, Response, Route } from './engine.ts';

/**
 * Finds the route of a request and runs it. The first pattern that fits and has the operation wins.
 * @throws StoreError `unsupported_path` that lists what the engine answers to
 */
export async function dispatch(engine: Engine, context: EngineContext, request: Request): Promise<Response | null> {
  for (const route of engine.routes) {
    const handler = route.operations[request.operation];
    const parameters = handler === undefined ? null : match(route.pattern, request.path);
    if (handler !== undefined && parameters !== null) return handler(context, request.data, parameters);
  }
  throw new StoreError('unsupported_path', `the ${engine.type} engine at ${context.mountPath} does not ${request.operation} "${request.path}"`, {
    hint: ['it answers to:', ...engine.routes.map((route) => `  ${describe(context.mountPath, route)}`)].join('\n'),
  });
}

function match(pattern: string, path: string): Parameters | null {
  const wanted = pattern.split('/');
  const given = path === '' ? [] : path.split('/');
  const parameters: { [name: string]: string } = {};
  for (const [at, part] of wanted.entries()) {
    if (part.startsWith('*')) {
      parameters[part.slice(1)] = given.slice(at).join('/');
      return parameters;
    }
    const segment = given[at];
    if (segment === undefined) return null;
    if (part.startsWith(':')) parameters[part.slice(1)] = segment;
    else if (part !== segment) return null;
  }
  return given.length === wanted.length ? parameters : null;
}

function describe(mountPath: string, { pattern, operations, help }: Route): string {
  const path = `${mountPath}${pattern.replace(/[:*](\w+)/g, (_, name: string) => name.toUpperCase())}`;
  const names = (Object.keys(operations) as Operation[]).join(', ');
  return `${path.padEnd(32)} ${names.padEnd(22)} ${help}`;
}
