import { type EngineResponse, type Operation, pathHelp, withMounts } from '../../core/index.ts';
import { CofferError, hasCode, StoreError, UsageError } from '../../errors.ts';
import { command, type CommandSpec, type Invocation } from '../command.ts';
import { readData } from '../input.ts';
import { printEntries, printObject, printResponse } from '../output.ts';
import { noValue, trimSlashes } from '../path.ts';
import { hintText, IN_DATA } from '../remedies.ts';
import { keyValues } from '../table.ts';
import { printKeys } from './kv/data.ts';

const read = command('read', {
  summary: 'read what an engine has at a path',
  arguments: 'PATH [KEY=VALUE ...]',
  examples: ['coffer read secret/data/app', 'coffer read transit/keys/orders'],
  async run(invocation) {
    const { response, path } = await request(invocation, 'read', 'read');
    if (response?.data == null) throw noValue(path);
    const { leaseDuration } = response;
    const interval = leaseDuration === 0 ? {} : { refresh_interval: `${Math.floor(leaseDuration / 3600)}h` };
    await printResponse(invocation, response, (data) => keyValues({ ...interval, ...data }));
  },
});

const write = command('write', {
  summary: 'write to a path, or have an engine do what the path stands for',
  arguments: 'PATH [KEY=VALUE|KEY=@FILE|KEY=-|@FILE.json|- ...]',
  flags: { force: { kind: 'boolean', aliases: ['f'], help: 'write without data' } },
  examples: ['coffer write -f transit/keys/orders', 'coffer write transit/encrypt/orders plaintext=aGVsbG8='],
  async run(invocation) {
    if (invocation.args.length === 1 && !invocation.flags.force) {
      throw new UsageError('no_data', 'there is nothing to write', {
        hint: 'give KEY=VALUE ..., or -force to write without data',
      });
    }
    const { response, path } = await request(invocation, 'write', 'write');
    if (response?.data == null) {
      for (const warning of response?.warnings ?? []) invocation.terminal.warn(warning);
      await printObject(invocation, { data: null }, () => `Success! Data written to: ${path}`);
    } else {
      await printResponse(invocation, response);
    }
  },
});

const list = command('list', {
  summary: 'list what lies below a path',
  arguments: 'PATH',
  examples: ['coffer list transit/keys', 'coffer list secret/metadata/'],
  async run(invocation) {
    const { response, path } = await request(invocation, 'list', 'read');
    if (response === null) throw noValue(path);
    await printKeys(invocation, response);
  },
});

const remove = command('delete', {
  summary: 'delete what an engine has at a path',
  arguments: 'PATH',
  examples: ['coffer delete secret/data/app'],
  async run(invocation) {
    const { response, path } = await request(invocation, 'delete', 'write');
    for (const warning of response?.warnings ?? []) invocation.terminal.warn(warning);
    await printObject(invocation, { data: null }, () => `Success! Data deleted (if it existed) at: ${path}`);
  },
});

const help = command('path-help', {
  summary: 'list what the engine at a path answers to',
  arguments: 'PATH',
  examples: ['coffer path-help secret/'],
  async run(invocation) {
    const routes = await pathHelp(await invocation.context(), trimSlashes(invocation.args[0] ?? ''));
    const object = routes.map((route) => ({ ...route, operations: [...route.operations] }));
    await printEntries(invocation, object, () =>
      routes
        .map(({ path, operations, help: text }) => `${path}\n    ${operations.join(', ')}\n    ${text}`)
        .join('\n\n'),
    );
  },
});

export const genericCommands: readonly CommandSpec[] = [read, write, list, remove, help];

async function request(
  invocation: Invocation,
  operation: Operation,
  mode: 'read' | 'write',
): Promise<{ response: EngineResponse | null; path: string }> {
  const path = trimSlashes(invocation.args[0] ?? '');
  const data = readData(invocation.args.slice(1), 'list');
  const response = await withMounts(await invocation.context(), mode, (mounts) =>
    mounts.request({ operation, path, data }),
  ).catch((error: unknown) => {
    throw inData(error);
  });
  return { response, path };
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
