import type { EngineResponse } from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import { isJsonObject, type JsonObject, setOwn } from '../../../json.ts';
import { command, type Invocation } from '../../command.ts';
import { readData } from '../../input.ts';
import { DETAILED, printList, RECURSIVE } from '../../list.ts';
import { printResponse, printWritten } from '../../output.ts';
import { noValue } from '../../path.ts';
import { type KvSecret, MOUNT, requireVersion2, withSecret } from './mount.ts';
import { dataTable, versionTables, writtenTables } from './tables.ts';

const CAS = {
  cas: {
    kind: 'integer',
    value: 'N',
    notGiven: ['-1'],
    help: 'write only if N is the current version (version 2; 0: only if there is none)',
  },
} as const;
const DATA_ARGUMENTS = 'PATH KEY=VALUE|KEY=@FILE|KEY=-|@FILE.json|@FILE.yaml|- ...';

export const putCommand = command('kv put', {
  summary: 'write a secret, or its next version',
  arguments: DATA_ARGUMENTS,
  flags: { ...MOUNT, ...CAS },
  examples: ['coffer kv put secret/app user=ada password=@password.txt', 'coffer kv put -cas=3 secret/app @app.json'],
  async run(invocation) {
    const content = await givenData(invocation);
    const { cas } = invocation.flags;
    const isEmpty = Object.keys(content).length === 0;
    const { response, path } = await withSecret(invocation, isEmpty ? 'read' : 'write', async (secret) => {
      if (cas !== null) requireVersion2(secret, '-cas');
      if (isEmpty) {
        await secret.request('read', 'data'); // a path that nothing can have is refused all the same
        return { response: null, path: secret.path('data') };
      }
      const data = secret.version === 2 ? { data: content, options: cas === null ? {} : { cas } } : content;
      return { response: await secret.request('write', 'data', data), path: secret.path('data') };
    });
    if (isEmpty) warnEmpty(invocation, path);
    else await printVersionWritten(invocation, response, path);
  },
});

export const getCommand = command('kv get', {
  summary: 'read a secret',
  arguments: 'PATH',
  flags: {
    ...MOUNT,
    version: {
      kind: 'integer',
      value: 'N',
      notGiven: ['0', '-1'],
      help: 'this version instead of the newest (version 2)',
    },
  },
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
      if (response === null) throw secret.nothingAt('data', 'kv get');
      return { response, path: secret.path('data'), engine: secret.version };
    });
    if (found.engine === 1) await printResponse(invocation, found.response, dataTable);
    else await printVersion(invocation, found.response, found.path);
  },
});

export const patchCommand = command('kv patch', {
  summary: 'change some keys of a secret, as its next version (version 2)',
  arguments: DATA_ARGUMENTS,
  flags: {
    ...MOUNT,
    cas: { ...CAS.cas, notGiven: ['0', '-1'], help: 'patch only if N is the current version' },
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
    const content = await givenData(invocation, removed);
    const isEmpty = Object.keys(content).length === 0;
    const { cas } = flags;
    const { response, path } = await withSecret(invocation, isEmpty ? 'read' : 'write', async (secret) => {
      requireVersion2(secret, 'kv patch');
      const write = isEmpty ? readNewest : method === 'rw' ? readThenWrite : mergePatch;
      return { response: await write(secret, content, cas), path: secret.path('data') };
    });
    if (response === null) throw noValue(path);
    if (isEmpty) warnEmpty(invocation, path);
    else await printVersionWritten(invocation, response, path);
  },
});

export const listCommand = command('kv list', {
  summary: 'list the names below a folder',
  arguments: '[PATH]',
  flags: { ...MOUNT, ...RECURSIVE, ...DETAILED },
  examples: ['coffer kv list secret/', 'coffer kv list -recursive -mount=secret'],
  async run(invocation) {
    await listNames(invocation, 'kv list', invocation.flags.recursive);
  },
});

export const scanCommand = command('kv scan', {
  summary: 'list the names below a folder and in the folders below it, as kv list -recursive',
  arguments: '[PATH]',
  flags: { ...MOUNT, ...DETAILED },
  examples: ['coffer kv scan secret/'],
  async run(invocation) {
    await listNames(invocation, 'kv scan', true);
  },
});

async function listNames(
  invocation: Invocation<typeof MOUNT & typeof DETAILED>,
  name: string,
  recursive: boolean,
): Promise<void> {
  const { response, missing } = await withSecret(invocation, 'read', async (secret) => ({
    response: await (recursive ? secret.leaves('metadata') : secret.request('list', 'metadata')),
    missing: secret.nothingAt('metadata', name),
  }));
  await printList(invocation, response, missing);
}

/** What is to be written, which may be an empty object. @throws UsageError `no_data` where there is nothing at all */
async function givenData({ args }: Invocation, removed: readonly string[] = []): Promise<JsonObject> {
  const data = await readData(args.slice(1));
  for (const key of removed) setOwn(data, key, null);
  if (args.length > 1 || removed.length > 0) return data;
  throw new UsageError('no_data', 'there is nothing to write', {
    hint: 'give KEY=VALUE, KEY=@FILE, KEY=-, @FILE.json, @FILE.yaml or -',
  });
}

/**
 * An empty object is a script's mistake as a rule. Vault makes a version without keys of it, which hides the one before; here
 * `coffer write` to the engine's path makes one for whoever wants it.
 */
function warnEmpty({ terminal }: Invocation, path: string): void {
  terminal.warn(`nothing was done: the object for ${path} is empty`);
}

/** Null where there is nothing to patch. */
async function readNewest(secret: KvSecret): Promise<EngineResponse | null> {
  const before = await secret.request('read', 'data');
  return isJsonObject(before?.data?.['data']) ? before : null;
}

async function mergePatch(secret: KvSecret, content: JsonObject, cas: number | null): Promise<EngineResponse | null> {
  return secret.request('patch', 'data', { data: content, options: cas === null ? {} : { cas } });
}

async function readThenWrite(
  secret: KvSecret,
  content: JsonObject,
  cas: number | null,
): Promise<EngineResponse | null> {
  const { data, metadata } = (await readNewest(secret))?.data ?? {};
  if (!isJsonObject(data) || !isJsonObject(metadata)) return null;
  const merged: JsonObject = {};
  for (const [key, value] of [...Object.entries(data), ...Object.entries(content)]) setOwn(merged, key, value);
  return secret.request('write', 'data', { data: merged, options: { cas: cas ?? metadata['version'] ?? 0 } });
}

async function printVersionWritten(
  invocation: Invocation,
  response: EngineResponse | null,
  path: string,
): Promise<void> {
  await printWritten(invocation, response, `Success! Data written to: ${path}`, (data) => writtenTables(path, data));
}

async function printVersion(invocation: Invocation, response: EngineResponse, path: string): Promise<void> {
  const content = response.data?.['data'];
  if (invocation.field !== null && !isJsonObject(content)) {
    throw new StoreError('no_value', `No data found at ${path}`, { hint: 'that version is deleted' });
  }
  const fields = isJsonObject(content) ? [content, { data: content }] : [];
  await printResponse(invocation, response, (data) => versionTables(path, data), fields);
}
