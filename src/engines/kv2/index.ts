import type { JsonObject } from '../../json.ts';
import { type KnownParameters, optional, optionalMembers, required } from '../declare.ts';
import type { Engine, EngineContext, EngineResponse, PathParts } from '../engine.ts';
import { listing, segments } from '../kv.ts';
import { checkKv2 } from './check.ts';
import { patchData, readData, readSubkeys, writeData } from './data.ts';
import { patchMetadata, readConfig, readMetadata, writeConfig, writeMetadata } from './settings.ts';
import { deleteAll, deleteNewest, deleteVersions, destroyVersions, undeleteVersions } from './versions.ts';

const VERSION = optional('integer', 'the version to read; 0 is the newest', '0');
const CONTENT: KnownParameters = {
  data: required('object', 'the keys of the secret'),
  options: optionalMembers('object', 'under which condition to write', {
    cas: optional('integer', 'only if this is the current version; 0: only if there is none'),
  }),
};
const VERSIONS: KnownParameters = { versions: required('list', 'numbers of versions, e.g. 1,2') };
const CAS_REQUIRED = optional('boolean', 'whether every write must name the current version', 'false');
const DELETE_AFTER = 'after which time a version counts as deleted, if the';
const SETTINGS: KnownParameters = {
  max_versions: optional('integer', 'how many versions are kept of a secret that does not say; 0: 10', '0'),
  cas_required: CAS_REQUIRED,
  delete_version_after: optional(
    'duration',
    `${DELETE_AFTER} secret's own is not shorter; 0s: as the secret says; -1s: never`,
    '0s',
  ),
};
const ONE_AND_TWO = ['write', 'versions=1,2'] as const;
const METADATA: KnownParameters = {
  max_versions: optional('integer', 'how many versions are kept; 0: as the mount says, or else 10', '0'),
  cas_required: CAS_REQUIRED,
  delete_version_after: optional(
    'duration',
    `${DELETE_AFTER} mount's is not shorter; 0s: as the mount says; -1s: never`,
    '0s',
  ),
  custom_metadata: optional('object', "names and texts of the operator's own"),
};

/** kv version 2: versions of a JSON object a path, with metadata. */
export const kv2: Engine = {
  type: 'kv',
  routes: async () => [
    [
      'data/*path',
      'a version of a secret; delete marks the newest as deleted',
      { read: readData, write: writeData, patch: patchData, delete: deleteNewest },
      { read: { version: VERSION }, write: CONTENT, patch: CONTENT },
      ['read', 'version=1'],
    ],
    [
      'subkeys/*path',
      'the keys of a secret without their values',
      { read: readSubkeys },
      { read: { version: VERSION, depth: optional('integer', 'how far down to look; 0: all the way', '0') } },
    ],
    ['delete/*path', 'mark versions as deleted', { write: deleteVersions }, { write: VERSIONS }, ONE_AND_TWO],
    [
      'undelete/*path',
      'take the mark of deletion off versions',
      { write: undeleteVersions },
      { write: VERSIONS },
      ONE_AND_TWO,
    ],
    [
      'destroy/*path',
      'remove the data of versions for good',
      { write: destroyVersions },
      { write: VERSIONS },
      ONE_AND_TWO,
    ],
    [
      'metadata/*path',
      'settings and versions of a secret; list the names below a folder; delete removes a secret with all versions',
      { read: readMetadata, write: writeMetadata, patch: patchMetadata, list, delete: deleteAll },
      { write: METADATA, patch: METADATA },
      ['write', 'max_versions=5'],
    ],
    [
      'config',
      'settings of the mount',
      { read: readConfig, write: writeConfig },
      { write: SETTINGS },
      ['write', 'max_versions=5'],
    ],
  ],
  folders: ['metadata', 'versions'],
  rowName: ([kind, ...secret]) => {
    if (kind === 'config') return kind;
    const [name = '', version] = secret;
    if (kind !== 'versions') return secret.join('/');
    return version === undefined ? name : `${name} (version ${version})`;
  },
  check: async (context) => checkKv2(context),
};

async function list({ view }: EngineContext, _data: JsonObject, parts: PathParts): Promise<EngineResponse | null> {
  return listing(await view.list(['metadata', ...segments(parts['path'] ?? '')]));
}
