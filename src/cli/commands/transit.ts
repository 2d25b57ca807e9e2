import { type ImportedKey, importTransitKey, joinedNames } from '../../core/index.ts';
import { command, type CommandSpec } from '../command.ts';
import { readData, readStdinText, readTextFile } from '../input.ts';
import { printWritten } from '../output.ts';

const importKey = importCommand('import', {
  operation: 'import',
  summary: 'import a key that was made outside as a new key of transit',
  examples: ['coffer transit import transit/keys/orders @orders.base64 type=rsa-2048'],
});

const importVersion = importCommand('import-version', {
  operation: 'import_version',
  summary: 'import a key that was made outside as a further version of an imported key',
  examples: ['coffer transit import-version transit/keys/orders @orders-2.base64'],
});

export const transitCommands: readonly CommandSpec[] = [importKey, importVersion];

interface Importing {
  readonly operation: ImportedKey['operation'];
  readonly summary: string;
  readonly examples: readonly string[];
}

function importCommand(name: string, { operation, summary, examples }: Importing): CommandSpec {
  return command(`transit ${name}`, {
    summary,
    arguments: 'PATH BASE64|@FILE|- [KEY=VALUE ...]',
    examples,
    async run(invocation) {
      const { terminal, args } = invocation;
      const [typed = '', material = '', ...more] = args;
      const path = joinedNames(typed);
      const isNamed = material === '-' || material.startsWith('@');
      const key = material === '-' ? readStdinText() : isNamed ? readTextFile(material.slice(1)) : material;
      if (!isNamed)
        terminal.warn('other users can see a key on a command line while it runs: give @FILE, or - for stdin');
      const response = await importTransitKey(await invocation.context(), {
        path,
        operation,
        key,
        data: await readData(more),
      });
      await printWritten(invocation, response, `Success! Data written to: ${path}/${operation}`);
    },
  });
}
