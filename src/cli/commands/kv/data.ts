import type { EngineResponse } from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import { isJsonObject, type JsonObject, setOwn } from '../../../json.ts';
import { command, type Invocation } from '../../command.ts';
import { readData } from '../../input.ts';
import { printEntries, printObject, printResponse } from '../../output.ts';
import { noValue } from '../../path.ts';
import { cell, columns } from '../../table.ts';
import { type KvSecret, MOUNT, requireVersion2, withSecret } from './mount.ts';
import { dataTable, versionTables, writtenTables } from './tables.ts';

const CAS = {
  cas: {
    kind: 'integer',
    value: 'N',
    help: 'write only if N is the current version (version 2; 0: only if there is none)',
  },
} as const;
const DATA_ARGUMENTS = 'PATH KEY=VALUE|KEY=@FILE|KEY=-|@FILE.json|- ...';

export const putCommand = command('kv put', {
  summary: 'write a secret, or its next version',
  arguments: DATA_ARGUMENTS,
  flags: { ...MOUNT, ...CAS },
  examples: ['coffer kv put secret/app user=ada password=@password.txt', 'coffer kv put -cas=3 secret/app @app.json'],
  async run(invocation) {
    const content = givenData(invocation);
    const { cas } = invocation.flags;
    const { response, path } = await withSecret(invocation, 'write', async (secret) => {
      if (cas !== null) requireVersion2(secret, '-cas');
      const data = secret.version === 2 ? { data: content, options: cas === null ? {} : { cas } } : content;
      return { response: await secret.request('write', 'data', data), path: secret.path('data') };
    });
    await printWritten(invocation, response, path);
  },
});

export const getCommand = command('kv get', {
  summary: 'read a secret',
  arguments: 'PATH',
  flags: { ...MOUNT, version: { kind: 'integer', value: 'N', help: 'this version instead of the newest (version 2)' } },
  examples: [
    'coffer kv get secret/app',
    'coffer kv get -field=password secret/app',
    'coffer kv get -version=2 -format=json secret/app',
  ],
  async run(invocation) {
    const { version } = invocation.flags;
    const found = await withSecret(invocation, 'read', async (secret) => {
      if (version !== null) requireVersion2(secret, '-version');
      const response = await secret.request('read', 'data', version === null ? {} : { version });
      return { response, path: secret.path('data'), engine: secret.version };
    });
    if (found.response === null) throw noValue(found.path);
    if (found.engine === 1) await printResponse(invocation, found.response, dataTable);
    else await printVersion(invocation, found.response, found.path);
  },
});

export const patchCommand = command('kv patch', {
  summary: 'change some keys of a secret, as its next version (version 2)',
  arguments: DATA_ARGUMENTS,
  flags: {
    ...MOUNT,
    ...CAS,
    method: {
      kind: 'text',
      value: 'patch|rw',
      help: 'patch: JSON merge patch (default); rw: read, set the keys, write',
    },
    'remove-data': { kind: 'list', value: 'KEY', help: 'take a key away; may be given again' },
  },
  examples: ['coffer kv patch secret/app password=@password.txt', 'coffer kv patch -remove-data=user secret/app'],
  async run(invocation) {
    const { flags } = invocation;
    const method = flags.method ?? 'patch';
    if (method !== 'patch' && method !== 'rw') throw new UsageError('bad_flag', '-method is patch or rw');
    const removed = flags['remove-data'];
    if (method === 'rw' && removed.length > 0) throw new UsageError('bad_flag', '-remove-data needs -method=patch');
    const content = givenData(invocation, removed);
    const { cas } = flags;
    const { response, path } = await withSecret(invocation, 'write', async (secret) => {
      requireVersion2(secret, 'kv patch');
      const write = method === 'rw' ? readThenWrite : mergePatch;
      return { response: await write(secret, content, cas), path: secret.path('data') };
    });
    if (response === null) throw noValue(path);
    await printWritten(invocation, response, path);
  },
});

export const listCommand = command('kv list', {
  summary: 'list the names below a folder',
  arguments: '[PATH]',
  flags: MOUNT,
  examples: ['coffer kv list secret/', 'coffer kv list -mount=secret'],
  async run(invocation) {
    const { response, path } = await withSecret(invocation, 'read', async (secret) => ({
      response: await secret.request('list', 'metadata'),
      path: secret.path('metadata'),
    }));
    if (response === null) throw noValue(path);
    await printKeys(invocation, response);
  },
});

/** The names that a list request answered with. */
export async function printKeys(invocation: Invocation, { data }: EngineResponse): Promise<void> {
  const keys = data?.['keys'] ?? [];
  await printEntries(
    invocation,
    keys,
    () => columns(['Keys'], Array.isArray(keys) ? keys.map((key) => [cell(key)]) : []),
    { keys },
  );
}

function givenData(invocation: Invocation, removed: readonly string[] = []): JsonObject {
  const data = readData(invocation.args.slice(1));
  for (const key of removed) setOwn(data, key, null);
  if (Object.keys(data).length > 0) return data;
  throw new UsageError('no_data', 'there is nothing to write', {
    hint: 'give KEY=VALUE, KEY=@FILE, KEY=-, @FILE.json or -',
  });
}

async function mergePatch(secret: KvSecret, content: JsonObject, cas: number | null): Promise<EngineResponse | null> {
  return secret.request('patch', 'data', { data: content, options: cas === null ? {} : { cas } });
}

async function readThenWrite(
  secret: KvSecret,
  content: JsonObject,
  cas: number | null,
): Promise<EngineResponse | null> {
  const before = await secret.request('read', 'data');
  const { data, metadata } = before?.data ?? {};
  if (!isJsonObject(data) || !isJsonObject(metadata)) return null;
  const merged: JsonObject = {};
  for (const [key, value] of [...Object.entries(data), ...Object.entries(content)]) setOwn(merged, key, value);
  return secret.request('write', 'data', { data: merged, options: { cas: cas ?? metadata['version'] ?? 0 } });
}

async function printWritten(invocation: Invocation, response: EngineResponse | null, path: string): Promise<void> {
  if (response === null || response.data === null) {
    await printObject(invocation, { data: null }, () => `Success! Data written to: ${path}`);
  } else {
    await printResponse(invocation, response, (data) => writtenTables(path, data));
  }
}

async function printVersion(invocation: Invocation, response: EngineResponse, path: string): Promise<void> {
  const content = response.data?.['data'];
  if (invocation.field !== null && !isJsonObject(content)) {
    throw new StoreError('no_value', `no data found at ${path}`, { hint: 'that version is deleted' });
  }
  await printResponse(invocation, response, (data) => versionTables(path, data), isJsonObject(content) ? content : {});
}
