import { enableVersioning } from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import { isJsonObject } from '../../../json.ts';
import { command, type CommandSpec, type Invocation } from '../../command.ts';
import { printDone, printObject, printWritten, warnOf } from '../../output.ts';
import { noValue } from '../../path.ts';
import { MOUNT, requireVersion2, withSecret } from './mount.ts';

const VERSIONS = { versions: { kind: 'list', value: 'N,N', help: 'which versions' } } as const;

export const deleteCommand = command('kv delete', {
  summary: 'delete a secret; of a version 2 secret the newest version or -versions, which can be undone',
  arguments: 'PATH',
  flags: { ...MOUNT, ...VERSIONS },
  examples: ['coffer kv delete secret/app', 'coffer kv delete -versions=1,2 secret/app'],
  async run(invocation) {
    const versions = versionNumbers(invocation);
    const path = await withSecret(invocation, 'write', async (secret) => {
      if (versions.length === 0) await secret.request('delete', 'data');
      else {
        requireVersion2(secret, '-versions');
        await secret.request('write', 'delete', { versions });
      }
      return secret.path('data');
    });
    printDone(invocation, `Success! Data deleted (if it existed) at: ${path}`);
  },
});

export const undeleteCommand = onVersions('undelete', 'take the deletion mark off versions (version 2)');
export const destroyCommand = onVersions('destroy', 'remove the data of versions for good (version 2)');

export const rollbackCommand = command('kv rollback', {
  summary: 'write an old version again as the newest (version 2)',
  arguments: 'PATH',
  flags: {
    ...MOUNT,
    version: { kind: 'integer', value: 'N', notGiven: ['0', '-1'], help: 'the version to write again' },
  },
  examples: ['coffer kv rollback -version=2 secret/app'],
  async run(invocation) {
    const { version } = invocation.flags;
    if (version === null) throw new UsageError('bad_flag', '-version is missing', { hint: 'for example: -version=2' });
    const { response, path } = await withSecret(invocation, 'write', async (secret) => {
      requireVersion2(secret, 'kv rollback');
      const newest = (await secret.request('read', 'data'))?.data?.['metadata'];
      const old = (await secret.request('read', 'data', { version }))?.data?.['data'];
      if (!isJsonObject(newest)) throw noValue(secret.path('data'));
      if (!isJsonObject(old)) {
        throw new StoreError('no_value', `there is no data in version ${version} of ${secret.path('data')}`, {
          hint: 'see: coffer kv metadata get -h',
        });
      }
      const data = { data: old, options: { cas: newest['version'] ?? 0 } };
      return { response: await secret.request('write', 'data', data), path: secret.path('data') };
    });
    await printWritten(invocation, response, `Success! Data written to: ${path}`);
  },
});

export const enableVersioningCommand = command('kv enable-versioning', {
  summary: 'make a version 1 mount a version 2 mount; what it holds becomes version 1 of each secret',
  arguments: 'PATH',
  examples: ['coffer kv enable-versioning secret/'],
  async run(invocation) {
    const { mount, changed } = await enableVersioning(await invocation.context(), invocation.args[0] ?? '');
    if (!changed) invocation.terminal.warn(`nothing was done: ${mount.path} is a version 2 kv engine already`);
    const line = `Success! Tuned the secrets engine at: ${mount.path}`;
    await printObject(invocation, { path: mount.path, options: { ...mount.options } }, () => line);
  },
});

function onVersions(verb: 'undelete' | 'destroy', summary: string): CommandSpec {
  return command(`kv ${verb}`, {
    summary,
    arguments: 'PATH',
    flags: { ...MOUNT, ...VERSIONS },
    examples: [`coffer kv ${verb} -versions=1,2 secret/app`],
    async run(invocation) {
      const versions = versionNumbers(invocation);
      if (versions.length === 0)
        throw new UsageError('bad_flag', '-versions is missing', { hint: 'for example: -versions=1,2' });
      const { response, path } = await withSecret(invocation, 'write', async (secret) => {
        requireVersion2(secret, `kv ${verb}`);
        return { response: await secret.request('write', verb, { versions }), path: secret.path(verb) };
      });
      warnOf(invocation, response);
      printDone(invocation, `Success! Data written to: ${path}`);
    },
  });
}

function versionNumbers({ flags }: Invocation<typeof VERSIONS>): string[] {
  return flags.versions.flatMap((text) => text.split(',').map((item) => item.trim()));
}
