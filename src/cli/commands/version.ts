import { runtimeName } from '../../runtime.ts';
import { VERSION } from '../../version.ts';
import { command } from '../command.ts';
import { printObject } from '../output.ts';

export const versionCommand = command('version', {
  summary: 'print the version of coffer and of what runs it',
  examples: ['coffer version', 'coffer version -field=version'],
  async run(invocation) {
    const versions = { version: VERSION, runtime: runtimeName() };
    await printObject(invocation, versions, () => `coffer v${VERSION} (${versions.runtime})`);
  },
});
