import { UsageError } from '../../errors.ts';
import { command } from '../command.ts';
import { printWritten } from '../output.ts';
import { noValue } from '../path.ts';
import { FAILED, request } from './generic.ts';

export const patchCommand = command('patch', {
  summary: 'change some of what an engine has at a path, by a JSON merge patch',
  arguments: 'PATH [KEY=VALUE|KEY=@FILE|KEY=-|@FILE.json|@FILE.yaml|- ...]',
  flags: { force: { kind: 'boolean', aliases: ['f'], help: 'patch without data' } },
  examples: ['coffer patch secret/metadata/app max_versions=5', 'coffer patch secret/data/app @patch.json'],
  async run(invocation) {
    if (invocation.args.length === 1 && !invocation.flags.force) {
      throw new UsageError('no_data', 'there is nothing to write', {
        hint: 'give KEY=VALUE ..., or -force to patch without data',
      });
    }
    const { response, path } = await request(invocation, 'patch', 'write');
    if (response === null) throw noValue(path);
    await printWritten(invocation, response, `Success! Data written to: ${path}`);
    return response.failed ? FAILED : 0;
  },
});
