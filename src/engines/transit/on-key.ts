import type { JsonObject } from '../../json.ts';
import type { EngineContext, EngineResponse, Handler, PathParts } from '../engine.ts';
import { type Key, keyName, usingKey } from './key.ts';
import { requireKey } from './key-row.ts';

type Use = (context: EngineContext, key: Key, data: JsonObject, parts: PathParts) => Promise<EngineResponse>;

/** What answers for the key that the path names, which must be there. Its secrets are overwritten afterwards. */
export function onKey(use: Use): Handler {
  return async (context, data, parts) =>
    usingKey(await requireKey(context, keyName(parts)), (key) => use(context, key, data, parts));
}
