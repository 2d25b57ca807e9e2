import {
  type EngineResponse,
  joinedNames,
  listLeaves,
  type Mounts,
  type Operation,
  pathHelp,
  requestAt,
} from '../../core/index.ts';
import { CofferError, hasCode, StoreError, UsageError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';
import { shellWord } from '../../shell.ts';
import { command, type CommandSpec, type Invocation } from '../command.ts';
import { readData } from '../input.ts';
import { DETAILED, printList, RECURSIVE } from '../list.ts';
import { printDone, printEntries, printRaw, printResponse, printWritten, warnOf } from '../output.ts';
import { noValue } from '../path.ts';
import { hintText, IN_DATA } from '../remedies.ts';
import { keyValues } from '../table.ts';
import { RAW } from '../terminal.ts';
import { listedPath, ownPath } from './kv/mount.ts';
import { withOwnPath } from './kv/own-path.ts';

/** As for what the store says no to: there is an answer, and some of what was asked is not done. */
const FAILED = 2;

const read = command('read', {
  summary: 'read what an engine has at a path',
  arguments: 'PATH [KEY=VALUE ...]',
  examples: ['coffer read secret/data/app', 'coffer read transit/keys/orders'],
  raw: true,
  async run(invocation) {
    if (invocation.format === RAW && invocation.field !== null)
      throw new UsageError('bad_format', '-format=raw prints the whole answer, and -field a part of it');
    const { response, path, own } = await request(invocation, 'read', 'read');
    if (response?.data == null) throw noValue(path);
    if (invocation.format === RAW) {
      printRaw(invocation, response);
      return response.failed ? FAILED : 0;
    }
    const { leaseDuration } = response;
    const interval = leaseDuration > 0 ? { refresh_interval: leaseDuration } : {};
    await printResponse(invocation, response, (data) => keyValues(data, interval)).catch((error: unknown) => {
      throw inSecret(error, response, own, invocation.field ?? '');
    });
    return response.failed ? FAILED : 0;
  },
});

const write = dataCommand('write', {
  summary: 'write to a path, or have an engine do what the path stands for',
  examples: ['coffer write -f transit/keys/orders', 'coffer write transit/encrypt/orders plaintext=aGVsbG8='],
});

const patch = dataCommand('patch', {
  summary: 'change some of what an engine has at a path, by a JSON merge patch',
  examples: ['coffer patch secret/metadata/app max_versions=5', 'coffer patch secret/data/app @patch.json'],
});

const list = command('list', {
  summary: 'list what lies below a path',
  arguments: 'PATH',
  flags: { ...RECURSIVE, ...DETAILED },
  examples: ['coffer list transit/keys', 'coffer list -recursive secret/'],
  async run(invocation) {
    if (invocation.flags.recursive) {
      await listAll(invocation);
      return;
    }
    const { response, path } = await request(invocation, 'list', 'read');
    await printList(invocation, response, noValue(path));
  },
});

const scan = command('scan', {
  summary: 'list what lies below a path and in the folders below it, as list -recursive',
  arguments: 'PATH',
  flags: DETAILED,
  examples: ['coffer scan secret/'],
  run: listAll,
});

const remove = command('delete', {
  summary: 'delete what an engine has at a path',
  arguments: 'PATH',
  examples: ['coffer delete secret/data/app'],
  async run(invocation) {
    const { response, path } = await request(invocation, 'delete', 'write');
    warnOf(invocation, response);
    printDone(invocation, `Success! Data deleted (if it existed) at: ${path}`);
  },
});

const help = command('path-help', {
  summary: 'list what the engine at a path answers to, or explain one path with what it takes',
  arguments: 'PATH',
  examples: ['coffer path-help secret/', 'coffer path-help transit/keys/orders'],
  async run(invocation) {
    const described = await pathHelp(await invocation.context(), joinedNames(invocation.args[0] ?? ''));
    const { pathHelpObject, pathHelpText } = await import('../path-help.ts');
    await printEntries(invocation, pathHelpObject(described), () => pathHelpText(described));
  },
});

export const genericCommands: readonly CommandSpec[] = [read, write, list, scan, remove, help, patch];

/** Of a version 2 kv engine the path that `coffer kv` takes is as good as the engine's own. */
async function listAll(invocation: Invocation<typeof DETAILED>): Promise<undefined> {
  const path = joinedNames(invocation.args[0] ?? '');
  const wanted = { operation: 'list', path, data: {} } as const;
  const response = await requestAt(await invocation.context(), 'read', wanted, (mounts) =>
    listLeaves(mounts, listedPath(mounts, path)),
  );
  await printList(invocation, response, noValue(path));
}

/** A command that takes data behind its path. A patch is of something: where the engine has no answer, there is nothing. */
function dataCommand(
  operation: 'write' | 'patch',
  { summary, examples }: Pick<CommandSpec, 'summary' | 'examples'>,
): CommandSpec {
  return command(operation, {
    summary,
    arguments: 'PATH [KEY=VALUE|KEY=@FILE|KEY=-|@FILE.json|@FILE.yaml|- ...]',
    flags: { force: { kind: 'boolean', aliases: ['f'], help: `${operation} without data` } },
    examples,
    async run(invocation) {
      if (invocation.args.length === 1 && !invocation.flags.force) {
        throw new UsageError('no_data', 'there is nothing to write', {
          hint: `give KEY=VALUE ..., or -force to ${operation} without data`,
        });
      }
      const { response, path } = await request(invocation, operation, 'write');
      if (response === null && operation === 'patch') throw noValue(path);
      await printWritten(invocation, response, `Success! Data written to: ${path}`);
      return response?.failed === true ? FAILED : 0;
    },
  });
}

/** What an engine answers to a command's path and data; `own` is how `coffer kv` calls it where that is another path. */
async function request(
  invocation: Invocation,
  operation: Operation,
  mode: 'read' | 'write',
): Promise<{ response: EngineResponse | null; path: string; own: string | null }> {
  const path = joinedNames(invocation.args[0] ?? '');
  const data = await readData(invocation.args.slice(1), 'list');
  let own: string | null = null;
  const ask = async (mounts: Mounts): Promise<EngineResponse | null> => {
    own = ownPath(mounts, path);
    return mounts.request({ operation, path, data });
  };
  const asked = requestAt(await invocation.context(), mode, { operation, path, data }, ask);
  const response = await asked.catch((error: unknown) => {
    throw inData(withOwnPath(error, operation, own));
  });
  return { response, path, own };
}

/** A version 2 secret has its keys below "data", where -field does not look. */
function inSecret(error: unknown, { data }: EngineResponse, own: string | null, field: string): unknown {
  const content = data?.['data'];
  if (own === null || !isJsonObject(content) || !Object.hasOwn(content, field)) return error;
  if (!hasCode(error, UsageError, 'no_field')) return error;
  const hint = `this is a version 2 secret; for a key of it: coffer kv get -field=${shellWord(field)} ${shellWord(own)}`;
  return new UsageError(error.code, error.message, { hint, cause: error.cause });
}

/** What kv's commands have a flag for stands in the data here. */
function inData(error: unknown): unknown {
  const hint = error instanceof CofferError && error.hint !== null ? hintText(error.hint, IN_DATA) : null;
  if (hasCode(error, StoreError, 'cas_required'))
    return new StoreError(error.code, error.message, { hint, cause: error.cause });
  if (hasCode(error, UsageError, 'bad_parameter'))
    return new UsageError(error.code, error.message, { hint, cause: error.cause });
  return error;
}
