import { VERSION } from '../../version.ts';
import { command } from '../command.ts';
import { printObject } from '../output.ts';

export const versionCommand = command('version', {
  summary: 'print the version of coffer and of Node.js',
  async run(invocation) {
    const versions = { version: VERSION, node: process.version };
    await printObject(invocation, versions, () => `coffer v${VERSION} (Node.js ${process.version})`);
  },
});
