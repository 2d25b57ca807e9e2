import type { JsonObject } from '../../../json.ts';
import { command, type CommandSpec, type FlagValues, type Invocation } from '../../command.ts';
import { printDone, printResponse, warnOf } from '../../output.ts';
import { noValue } from '../../path.ts';
import { MOUNT, requireVersion2, withSecret } from './mount.ts';
import { secretTables } from './tables.ts';

const SETTINGS = {
  'max-versions': {
    kind: 'integer',
    value: 'N',
    notGiven: ['-1'],
    help: "versions to keep; 0: the mount's setting, else 10",
  },
  'cas-required': { kind: 'toggle', help: 'whether every write must give -cas' },
  'delete-version-after': {
    kind: 'text',
    value: 'DURATION',
    notGiven: ['-1ns'],
    help: "when versions count as deleted, e.g. 720h, or as the mount says if that is sooner; 0: the mount's setting, negative: never",
  },
  'custom-metadata': { kind: 'pairs', value: 'NAME=VALUE', help: 'a remark kept with the secret; may be given again' },
} as const;

const get = command('kv metadata get', {
  summary: 'show the settings and the versions of a secret',
  arguments: 'PATH',
  flags: MOUNT,
  examples: ['coffer kv metadata get secret/app'],
  async run(invocation) {
    const { response, path } = await withSecret(invocation, 'read', async (secret) => {
      requireVersion2(secret, 'kv metadata get');
      const found = await secret.request('read', 'metadata');
      if (found === null) throw secret.nothingAt('metadata', 'kv metadata get');
      return { response: found, path: secret.path('metadata') };
    });
    await printResponse(invocation, response, (data) => secretTables(path, data));
  },
});

const put = command('kv metadata put', {
  summary: 'set the settings of a secret, which need not exist yet',
  arguments: 'PATH',
  flags: { ...MOUNT, ...SETTINGS },
  examples: ['coffer kv metadata put -max-versions=5 -custom-metadata=owner=ada secret/app'],
  run: (invocation) => change(invocation, 'kv metadata put', 'write', settings(invocation.flags)),
});

const patch = command('kv metadata patch', {
  summary: 'change the settings of a secret',
  arguments: 'PATH',
  flags: {
    ...MOUNT,
    ...SETTINGS,
    'remove-custom-metadata': { kind: 'list', value: 'NAME', help: 'take a remark away; may be given again' },
  },
  examples: ['coffer kv metadata patch -max-versions=5 -custom-metadata=owner=ada secret/app'],
  run: (invocation) =>
    change(
      invocation,
      'kv metadata patch',
      'patch',
      settings(invocation.flags, invocation.flags['remove-custom-metadata']),
    ),
});

const remove = command('kv metadata delete', {
  summary: 'remove a secret with all its versions',
  arguments: 'PATH',
  flags: MOUNT,
  examples: ['coffer kv metadata delete secret/app'],
  async run(invocation) {
    const path = await withSecret(invocation, 'write', async (secret) => {
      requireVersion2(secret, 'kv metadata delete');
      await secret.request('delete', 'metadata');
      return secret.path('metadata');
    });
    printDone(invocation, `Success! Data deleted (if it existed) at: ${path}`);
  },
});

export const metadataCommands: readonly CommandSpec[] = [get, put, patch, remove];

async function change(
  invocation: Invocation<typeof MOUNT>,
  name: string,
  operation: 'write' | 'patch',
  data: JsonObject,
): Promise<undefined> {
  const { response, path } = await withSecret(invocation, 'write', async (secret) => {
    requireVersion2(secret, name);
    return { response: await secret.request(operation, 'metadata', data), path: secret.path('metadata') };
  });
  if (response === null) throw noValue(path);
  warnOf(invocation, response);
  printDone(invocation, `Success! Data written to: ${path}`);
}

function settings(flags: FlagValues<typeof SETTINGS>, removed: readonly string[] = []): JsonObject {
  const taken = Object.fromEntries(removed.map((name) => [name, null]));
  const custom: JsonObject = { ...flags['custom-metadata'], ...taken };
  const given: JsonObject = {
    max_versions: flags['max-versions'],
    cas_required: flags['cas-required'],
    delete_version_after: flags['delete-version-after'],
    custom_metadata: Object.keys(custom).length === 0 ? null : custom,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}
