import type { EngineRequest, EngineResponse, RouteTable } from './engine.ts';
import { ignoredNames } from './ignored.ts';
import { findRoute } from './match.ts';

/** What is asked is below a path that messages name, with its slash. */
export interface Mounted {
  readonly mountPath: string;
}

/**
 * Finds the route of a request and runs it. The first pattern that fits and has the operation wins. A name among the data that
 * the handler does not take is warned of: with the answer, or in the hint of what the handler throws.
 * @throws StoreError `unsupported_path` that lists what the table answers to
 */
export async function dispatch<Context extends Mounted>(
  table: RouteTable<Context>,
  context: Context,
  request: EngineRequest,
): Promise<EngineResponse | null> {
  const found = findRoute(await table.routes(), request);
  if (found === null)
    throw await (await import('./path-help.ts')).unsupportedRequest(table, context.mountPath, request);
  const { handler, takes, parts } = found;
  const run = (): Promise<EngineResponse | null> => handler(context, request.data, parts);
  const ignored = ignoredNames(takes, parts, request.data);
  if (ignored === null) return run();
  const { warningOf } = await import('./ignored-words.ts');
  return warningOf({ ignored, takes, request, mountPath: context.mountPath }, run);
}
