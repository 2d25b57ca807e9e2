import { UsageError } from '../../../errors.ts';
import type { JsonObject } from '../../../json.ts';
import type { CommandSpec, Flag, Invocation } from '../../command.ts';
import { printObject, printResponse } from '../../output.ts';
import { noValue } from '../../path.ts';
import { MOUNT_FLAG, requireVersion2, withSecret } from './mount.ts';
import { secretTables } from './tables.ts';

const SETTINGS_FLAGS: readonly Flag[] = [
  { name: 'max-versions', kind: 'integer', value: 'N', help: "versions to keep; 0: the mount's setting, else 10" },
  { name: 'cas-required', kind: 'toggle', help: 'whether every write must give -cas' },
  { name: 'delete-version-after', kind: 'text', value: 'DURATION', help: "when new versions count as deleted, e.g. 720h; 0: the mount's setting, negative: never" },
  { name: 'custom-metadata', kind: 'pairs', value: 'NAME=VALUE', help: 'a remark kept with the secret; may be given again' },
];

const get: CommandSpec = {
  words: ['kv', 'metadata', 'get'],
  summary: 'show the settings and the versions of a secret',
  arguments: 'PATH',
  least: 1,
  most: 1,
  flags: [MOUNT_FLAG],
  examples: ['coffer kv metadata get secret/app'],
  async run(invocation) {
    const { response, path } = await withSecret(invocation, 'read', async (secret) => {
      requireVersion2(secret, 'kv metadata get');
      return { response: await secret.request('read', 'metadata'), path: secret.path('metadata') };
    });
    if (response === null) throw noValue(path);
    await printResponse(invocation, response, (data) => secretTables(path, data));
    return 0;
  },
};

const put = change('put', 'write', 'set the settings of a secret, which need not exist yet', []);
const patch = change('patch', 'patch', 'change the settings of a secret', [
  { name: 'remove-custom-metadata', kind: 'list', value: 'NAME', help: 'take a remark away; may be given again' },
]);

const remove: CommandSpec = {
  words: ['kv', 'metadata', 'delete'],
  summary: 'remove a secret with all its versions',
  arguments: 'PATH',
  least: 1,
  most: 1,
  flags: [MOUNT_FLAG],
  examples: ['coffer kv metadata delete secret/app'],
  async run(invocation) {
    const path = await withSecret(invocation, 'write', async (secret) => {
      requireVersion2(secret, 'kv metadata delete');
      await secret.request('delete', 'metadata');
      return secret.path('metadata');
    });
    await printObject(invocation, { data: null }, () => `Success! Data deleted (if it existed) at: ${path}`);
    return 0;
  },
};

export const metadataCommands: readonly CommandSpec[] = [get, put, patch, remove];

function change(verb: 'put' | 'patch', operation: 'write' | 'patch', summary: string, more: readonly Flag[]): CommandSpec {
  const command = `kv metadata ${verb}`;
  return {
    words: ['kv', 'metadata', verb],
    summary,
    arguments: 'PATH',
    least: 1,
    most: 1,
    flags: [MOUNT_FLAG, ...SETTINGS_FLAGS, ...more],
    examples: [`coffer ${command} -max-versions=5 -custom-metadata=owner=ada secret/app`],
    async run(invocation) {
      const data = settings(invocation, more.length > 0 ? invocation.flags.list('remove-custom-metadata') : []);
      if (operation === 'patch' && Object.keys(data).length === 0) {
        throw new UsageError('no_data', 'there is nothing to change', { hint: `see: coffer ${command} -h` });
      }
      const { response, path } = await withSecret(invocation, 'write', async (secret) => {
        requireVersion2(secret, command);
        return { response: await secret.request(operation, 'metadata', data), path: secret.path('metadata') };
      });
      if (response === null) throw noValue(path);
      await printObject(invocation, { data: null }, () => `Success! Data written to: ${path}`);
      return 0;
    },
  };
}

function settings({ flags }: Invocation, removed: readonly string[]): JsonObject {
  const custom: JsonObject = { ...flags.pairs('custom-metadata'), ...Object.fromEntries(removed.map((name) => [name, null])) };
  const given: JsonObject = {
    max_versions: flags.integer('max-versions'),
    cas_required: flags.toggle('cas-required'),
    delete_version_after: flags.text('delete-version-after'),
    custom_metadata: Object.keys(custom).length === 0 ? null : custom,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}
