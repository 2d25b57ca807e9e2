import type { JsonObject } from '../../json.ts';
import type { Engine, EngineContext, EngineResponse, PathParts } from '../engine.ts';
import { listing, segments } from '../kv.ts';
import { checkKv2 } from './check.ts';
import { patchData, readData, readSubkeys, writeData } from './data.ts';
import { patchMetadata, readConfig, readMetadata, writeConfig, writeMetadata } from './settings.ts';
import { deleteAll, deleteNewest, deleteVersions, destroyVersions, undeleteVersions } from './versions.ts';

/** kv version 2: versions of a JSON object a path, with metadata. */
export const kv2: Engine = {
  type: 'kv',
  routes: async () => [
    [
      'data/*path',
      'a version of a secret; delete marks the newest as deleted',
      { read: readData, write: writeData, patch: patchData, delete: deleteNewest },
    ],
    ['subkeys/*path', 'the keys of a secret without their values', { read: readSubkeys }],
    ['delete/*path', 'mark versions as deleted', { write: deleteVersions }],
    ['undelete/*path', 'take that mark off versions', { write: undeleteVersions }],
    ['destroy/*path', 'remove the data of versions for good', { write: destroyVersions }],
    [
      'metadata/*path',
      'settings and versions of a secret; list the names below a folder; delete removes a secret with all versions',
      { read: readMetadata, write: writeMetadata, patch: patchMetadata, list, delete: deleteAll },
    ],
    ['config', 'settings of the mount', { read: readConfig, write: writeConfig }],
  ],
  rowName: ([kind, ...secret]) =>
    kind === 'versions' ? `${secret[0]} (version ${secret[1]})` : secret.join('/') || 'config',
  check: async (context) => checkKv2(context),
};

async function list({ view }: EngineContext, _data: JsonObject, parts: PathParts): Promise<EngineResponse | null> {
  return listing(await view.list(['metadata', ...segments(parts['path'] ?? '')]));
}
