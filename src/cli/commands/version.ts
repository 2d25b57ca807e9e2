import { VERSION } from '../../version.ts';
import type { CommandSpec } from '../command.ts';
import { printObject } from '../output.ts';

export const versionCommand: CommandSpec = {
  words: ['version'],
  summary: 'print the version of coffer and of Node.js',
  arguments: '',
  least: 0,
  most: 0,
  flags: [],
  examples: [],
  async run(invocation) {
    const versions = { version: VERSION, node: process.version };
    await printObject(invocation, versions, () => `coffer v${VERSION} (Node.js ${process.version})`);
    return 0;
  },
};
