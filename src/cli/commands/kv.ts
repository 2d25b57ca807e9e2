import { withStore } from '../../core/index.ts';
import type { Operation, Response, Store } from '../../core/index.ts';
import { StoreError, UsageError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import type { CommandSpec, Flag, Invocation } from '../command.ts';
import { readData } from '../input.ts';
import { printObject, printResponse } from '../output.ts';
import { columns, heading, keyValues } from '../table.ts';

const MOUNT: Flag = { name: 'mount', kind: 'text', value: 'PATH', help: 'the mount; the path is then below it' };

const put: CommandSpec = {
  words: ['kv', 'put'],
  summary: 'write a secret, or its next version',
  arguments: 'PATH KEY=VALUE|KEY=@FILE|KEY=-|@FILE.json|- ...',
  least: 1,
  most: Infinity,
  flags: [MOUNT, { name: 'cas', kind: 'integer', value: 'N', help: 'write only if N is the current version (version 2; 0: only if there is none)' }],
  examples: ['coffer kv put secret/app user=ada password=@password.txt', 'coffer kv put -cas=3 secret/app @app.json'],
  async run(invocation) {
    const { args, flags } = invocation;
    const content = readData(args.slice(1));
    if (Object.keys(content).length === 0) {
      throw new UsageError('no_data', 'there is nothing to write', { hint: 'give KEY=VALUE, KEY=@FILE, KEY=-, @FILE.json or -' });
    }
    const cas = flags.integer('cas');
    const { response, path } = await ask(invocation, 'write', (version) => {
      if (version === 2) return { folder: 'data', data: { data: content, options: cas === null ? {} : { cas } } };
      if (cas !== null) throw new UsageError('bad_flag', '-cas needs a version 2 kv engine', { hint: 'enable one with: coffer secrets enable -version=2 kv' });
      return { folder: '', data: content };
    });
    if (response === null || response.data === null) {
      await printObject(invocation, { data: null }, () => `Success! Data written to: ${path}`);
    } else {
      await printResponse(invocation, response, (data) => [section('Secret Path', path), section('Metadata', metadataTable(data))].join('\n\n'));
    }
    return 0;
  },
};

const get: CommandSpec = {
  words: ['kv', 'get'],
  summary: 'read a secret',
  arguments: 'PATH',
  least: 1,
  most: 1,
  flags: [MOUNT, { name: 'version', kind: 'integer', value: 'N', help: 'this version instead of the newest (version 2)' }],
  examples: ['coffer kv get secret/app', 'coffer kv get -field=password secret/app', 'coffer kv get -version=2 -format=json secret/app'],
  async run(invocation) {
    const version = invocation.flags.integer('version');
    const { response, path, engine } = await ask(invocation, 'read', (engineVersion) => {
      if (engineVersion === 2) return { folder: 'data', data: version === null ? {} : { version } };
      if (version !== null) throw new UsageError('bad_flag', '-version needs a version 2 kv engine');
      return { folder: '', data: {} };
    });
    if (response === null) throw noValue(path);
    if (engine === 1) {
      await printResponse(invocation, response, (data) => section('Data', keyValues(data)));
      return 0;
    }
    const content = response.data?.['data'];
    if (invocation.field !== null && !isJsonObject(content)) throw new StoreError('no_value', `no data found at ${path}`, { hint: 'that version is deleted' });
    await printResponse(invocation, response, (data) => versionTables(path, data), isJsonObject(content) ? content : {});
    return 0;
  },
};

const remove: CommandSpec = {
  words: ['kv', 'delete'],
  summary: 'delete a secret; of a version 2 secret the newest version, which can be undone',
  arguments: 'PATH',
  least: 1,
  most: 1,
  flags: [MOUNT],
  examples: ['coffer kv delete secret/app'],
  async run(invocation) {
    const { path } = await ask(invocation, 'delete', (version) => ({ folder: version === 2 ? 'data' : '', data: {} }));
    await printObject(invocation, { data: null }, () => `Success! Data deleted (if it existed) at: ${path}`);
    return 0;
  },
};

const list: CommandSpec = {
  words: ['kv', 'list'],
  summary: 'list the names below a folder',
  arguments: 'PATH',
  least: 0,
  most: 1,
  flags: [MOUNT],
  examples: ['coffer kv list secret/', 'coffer kv list -mount=secret'],
  async run(invocation) {
    if (invocation.args.length === 0 && invocation.flags.text('mount') === null) {
      throw new UsageError('arguments', 'neither a path nor -mount is given', { hint: 'usage: coffer kv list PATH' });
    }
    const { response, path } = await ask(invocation, 'list', (version) => ({ folder: version === 2 ? 'metadata' : '', data: {} }));
    if (response === null) throw noValue(path);
    const keys = response.data?.['keys'] ?? [];
    await printObject(invocation, keys, () => columns(['Keys'], Array.isArray(keys) ? keys.map((key) => [String(key)]) : []), { keys });
    return 0;
  },
};

export const kvCommands: readonly CommandSpec[] = [put, get, remove, list];

interface Asked {
  readonly response: Response | null;
  /** The path that the engine was asked for, as messages name it. */
  readonly path: string;
  readonly engine: 1 | 2;
}

/** Sends one request to a kv mount, in the form that its version wants, in one transaction. */
async function ask(
  invocation: Invocation,
  operation: Operation,
  form: (version: 1 | 2) => { readonly folder: string; readonly data: JsonObject },
): Promise<Asked> {
  const path = fullPath(invocation);
  const mode = operation === 'read' || operation === 'list' ? 'read' : 'write';
  return withStore(await invocation.context(), mode, async (store) => {
    const { prefix, rest, version } = kvMount(store, path);
    const { folder, data } = form(version);
    const asked = [prefix, folder, rest].filter((part) => part !== '').join('/');
    return { response: await store.request({ operation, path: asked, data }), path: asked, engine: version };
  });
}

function fullPath({ args, flags }: Invocation): string {
  const trim = (text: string): string => text.replace(/^\//, '').replace(/\/$/, '');
  return [flags.text('mount') ?? '', args[0] ?? ''].map(trim).filter((part) => part !== '').join('/');
}

/** @throws StoreError `not_kv` */
function kvMount(store: Store, path: string): { prefix: string; rest: string; version: 1 | 2 } {
  const { mount, rest } = store.resolve(path);
  if (mount.type !== 'kv') {
    throw new StoreError('not_kv', `${mount.path} is a ${mount.type} engine, not kv`, { hint: 'see: coffer secrets list' });
  }
  return { prefix: mount.path.slice(0, -1), rest, version: mount.options['version'] === '2' ? 2 : 1 };
}

function noValue(path: string): StoreError {
  return new StoreError('no_value', `no value found at ${path}`);
}

function versionTables(path: string, { metadata, data }: JsonObject): string {
  const parts = [section('Secret Path', path), section('Metadata', metadataTable(isJsonObject(metadata) ? metadata : {}))];
  if (isJsonObject(data)) parts.push(section('Data', keyValues(data)));
  return parts.join('\n\n');
}

/** As Vault: an empty deletion time reads "n/a". */
function metadataTable(metadata: JsonObject): string {
  const entries = Object.entries(metadata).map(([key, value]): [string, JsonValue] => [key, value === '' ? 'n/a' : value]);
  return keyValues(Object.fromEntries(entries));
}

function section(title: string, text: string): string {
  return `${heading(title, text)}\n${text}`;
}
