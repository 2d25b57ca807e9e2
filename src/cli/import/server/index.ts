import { utf8 } from '../../../bytes.ts';
import { type CarriedSecret, joinedNames } from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import { LONGEST_LINE } from '../lines.ts';
import { recordLine } from '../record.ts';
import { type Source, spooledSource } from '../source.ts';
import { Spool } from '../spool.ts';
import { Client } from './client.ts';
import { secretNames } from './names.ts';
import { serverPlace } from './place.ts';
import { Report } from './report.ts';
import { type Reading, readSecret, type Wanted } from './secrets.ts';
import type { Server } from './settings.ts';

export { type Report } from './report.ts';
export { readServer } from './settings.ts';

export interface ServerImport {
  readonly server: Server;
  /** MOUNT or MOUNT/FOLDER there. */
  readonly from: string;
  /** MOUNT or MOUNT/FOLDER here. */
  readonly to: string;
  readonly wanted: Wanted;
  /** Told after each name how many secrets there are. */
  readonly progress: (secrets: number) => void;
}

/**
 * Reads secrets from a running server into a spool, as lines that `kv export` writes, and has it used as what is imported.
 * @throws StoreError, UsageError; nothing of a secret, nor the token, is in a message
 */
export async function withServerSource<T>(
  { server, from, to, wanted, progress }: ServerImport,
  use: (source: Source, report: Report) => Promise<T>,
): Promise<T> {
  const report = new Report();
  const spool = await fromServer(server, async (client) => {
    const place = await serverPlace(client, from);
    return Spool.of(lines({ client, place, wanted, report }, joinedNames(to), progress));
  });
  try {
    return await use(spooledSource(`${joinedNames(from)} at ${server.url.origin}`, spool, false), report);
  } finally {
    spool.close();
  }
}

/** The connection is closed before anything is written here. */
async function fromServer<T>(server: Server, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await Client.open(server);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function* lines(reading: Reading, to: string, progress: (secrets: number) => void): AsyncGenerator<Uint8Array> {
  const { client, place, report } = reading;
  let secrets = 0;
  let listed = 0;
  for await (const names of secretNames(client, place, report)) {
    listed++;
    const carried = await readSecret(reading, names);
    if (carried !== null) {
      secrets++;
      yield line({ path: `${to}/${names.join('/')}`, ...carried });
    }
    progress(secrets);
  }
  if (listed === 0 && place.folder.length > 0 && report.errors().length === 0)
    throw new StoreError(
      'no_value',
      `No value found at ${[...place.mount, ...place.folder].join('/')}/ of ${client.origin}`,
      {
        hint: 'name a mount of the server, or a folder that has secrets in it',
      },
    );
}

function line(secret: CarriedSecret): Uint8Array {
  const bytes = utf8(`${recordLine(secret)}\n`);
  if (bytes.length > LONGEST_LINE)
    throw new UsageError('bad_data', `${secret.path} has more than ${LONGEST_LINE >> 20} MiB with its versions`, {
      hint: 'import it without -versions, or import the other folders one by one',
    });
  return bytes;
}
