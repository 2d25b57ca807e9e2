import { UsageError } from '../../errors.ts';
import { command } from '../command.ts';
import { readStdinText, readTextFile } from '../input.ts';
import { outputPath, writeOutput } from '../output-file.ts';
import { printDone } from '../output.ts';
import { fieldText, readContents } from '../references.ts';
import { parseTemplate, referencesOf, render } from '../template.ts';

const STDOUT = '-';

export const injectCommand = command('inject', {
  summary: 'fill the references of a template with the values of secrets',
  arguments: 'TEMPLATE|-',
  flags: {
    out: { kind: 'text', value: 'FILE', help: 'a file for its owner alone (0600) instead of stdout; - is stdout' },
  },
  examples: [
    'coffer inject -out=app.conf app.conf.template',
    'coffer inject - < app.conf.template | server --config=-',
  ],
  async run(invocation) {
    const { args, flags, field, terminal } = invocation;
    if (field !== null) throw new UsageError('bad_flag', 'inject has no result that -field could pick from');
    const [source = ''] = args;
    const out = flags.out === null || flags.out === STDOUT ? null : outputPath(flags.out, 'refuse');
    const name = source === '-' ? 'stdin' : source;
    const template = parseTemplate(source === '-' ? readStdinText() : readTextFile(source), name);
    const references = referencesOf(template);
    if (references.length === 0) terminal.warn(`${name} has no reference; one is coffer://PATH#FIELD`);
    const contents = await readContents(
      await invocation.context(),
      references.map(({ path }) => path),
    );
    const text = render(template, (reference) => fieldText(contents.get(reference.path) ?? {}, reference));
    if (out === null) terminal.printValue(text);
    else {
      const hint = 'nothing was changed; name a place that you may write to';
      await writeOutput({ path: out, hint }, async (write) => write(text));
      printDone(invocation, `Success! The template is filled in at: ${out}`);
    }
  },
});
