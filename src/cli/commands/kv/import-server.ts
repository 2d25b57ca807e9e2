import {
  badPath,
  joinedNames,
  kvPlace,
  kvVersion,
  newPathProblem,
  withMountsSession,
  type MountsTransaction,
} from '../../../core/index.ts';
import { counted } from '../../../counted.ts';
import { type CofferError, UsageError } from '../../../errors.ts';
import type { Invocation } from '../../command.ts';
import { readServer, withServerSource } from '../../import/server/index.ts';
import type { Source } from '../../import/source.ts';
import { progressLine } from '../../progress.ts';

type Given = Pick<Invocation, 'args' | 'terminal' | 'format' | 'context'>;

/**
 * `kv import -from=vault`: another source of the same records.
 * @param importFrom checks and writes them, says at the end what the token may not see, and gives the exit status
 */
export async function importFromServer(
  invocation: Given,
  versions: boolean,
  importFrom: (source: Source, transaction: MountsTransaction, denied: readonly CofferError[]) => Promise<number>,
): Promise<number> {
  const { args, terminal } = invocation;
  const [from = '', given = ''] = args;
  const server = await readServer(process.env);
  for (const note of server.notes) terminal.note(note);
  const context = await invocation.context();
  return withMountsSession(context, async (transaction) => {
    // Looked at before anything is asked of the server, which may take long.
    const to = joinedNames(given);
    const isVersion2 = await transaction('read', async (mounts) => {
      const problem = newPathProblem(to);
      if (problem !== null) throw badPath(given, problem);
      return kvVersion(kvPlace(mounts, to).mount) === 2;
    });
    if (versions && !isVersion2)
      throw new UsageError('version_1', `versions need a version 2 kv engine, and ${to} is in one of version 1`, {
        hint: 'leave out -versions, or import below a version 2 mount',
      });
    const wanted = { versions, metadata: isVersion2 };
    const { show, end } = progressLine(invocation);
    // How many there are the server does not tell beforehand.
    const progress = (secrets: number): void =>
      show(() => `Reading from ${server.url.origin}: ${counted(secrets, 'secret')}`, false);
    return withServerSource({ server, from, to, wanted, progress }, async (source, report) => {
      end();
      for (const warning of report.warnings()) terminal.warn(warning);
      return importFrom(source, transaction, report.errors());
    }).finally(end);
  });
}
