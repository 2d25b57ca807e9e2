import { joinedNames } from '../../core/index.ts';
import { UsageError } from '../../errors.ts';
import { hearSignals } from '../../hearing.ts';
import { documentsOf, type InputType } from './documents.ts';
import { type Incoming, secretsOf } from './record.ts';
import type { Source } from './source.ts';

/** A source, and how it is to be read. */
export interface Input {
  readonly source: Source;
  readonly type: InputType;
  /** The mount, or folder of one, that its paths are below; null where they have that themselves. */
  readonly mount: string | null;
  /** The secret that all of it is; null where it names its secrets. */
  readonly path: string | null;
}

/**
 * The secrets of a source, one at a time, under the paths that they shall have.
 * @param progress told how many bytes are read, of how many
 * @throws UsageError `bad_data`, never with a value in it
 */
export async function* incoming(
  { source, type, mount, path }: Input,
  progress: (done: number, total: number) => void = () => undefined,
): AsyncGenerator<Incoming> {
  const folder = mount === null ? '' : `${joinedNames(mount)}/`;
  let documents = 0;
  for await (const { value, where, end } of documentsOf(source, type)) {
    if (path !== null && documents++ > 0)
      throw new UsageError('bad_data', `${where}: with -path all of the input is one secret, and here is another one`, {
        hint: 'leave out -path, and give lines that have a path',
      });
    for (const secret of secretsOf(value, path, where)) {
      await hearSignals();
      yield { ...secret, path: joinedNames(folder + secret.path) };
    }
    progress(end, source.size);
  }
}
