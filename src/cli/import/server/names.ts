import { UsageError } from '../../../errors.ts';
import { utf8 } from '../../../bytes.ts';
import { Seen } from '../seen.ts';
import type { Client } from './client.ts';
import { notAnAnswer } from './failures.ts';
import { apiPath, objectIn, type ServerPlace } from './place.ts';
import type { Report } from './report.ts';

/** Bounds of what a server may have one believe. */
const LONGEST_PATH = 4096;
const MOST_NAMES = 4_000_000;

/**
 * The names of each secret below a place, folder by folder, so that no more is held than the lists of the folders on the way.
 * @throws StoreError `server_answer`; UsageError `bad_path` for what no request can name
 */
export async function* secretNames(client: Client, place: ServerPlace, report: Report): AsyncGenerator<string[]> {
  const listing: Listing = { client, place, report, received: 0, mayHavePages: place.version === 2 };
  const folders = [{ names: [] as string[], keys: keysOf(listing, []) }];
  for (let folder = folders.at(-1); folder !== undefined; folder = folders.at(-1)) {
    const next = await folder.keys.next();
    if (next.done === true) {
      folders.pop();
      continue;
    }
    const key = next.value;
    const isFolder = key.endsWith('/');
    const names = checkedNames([...folder.names, isFolder ? key.slice(0, -1) : key], client);
    if (utf8(names.join('/')).length > LONGEST_PATH) throw notAnAnswer(client.origin, 'a list that leads ever deeper');
    if (isFolder) folders.push({ names, keys: keysOf(listing, names) });
    else yield names;
  }
}

interface Listing {
  readonly client: Client;
  readonly place: ServerPlace;
  readonly report: Report;
  /** Names that the server has sent, each of a folder once. */
  received: number;
  /** Whether a list may go on behind what came: OpenBao's of version 2. Vault sends all of it, and all of it again. */
  mayHavePages: boolean;
}

/**
 * What one folder lists, each once, in whatever order the server has; those of folders end in a slash.
 *
 * All of it is asked for at once. A policy of OpenBao's can take names out of a page after it was cut, so that a short page, or
 * one that is empty, would say nothing of the names behind it. Where a policy has a `pagination_limit`, what comes is the first
 * page all the same, and no answer says so: more is asked for until nothing new comes.
 */
async function* keysOf(listing: Listing, names: string[]): AsyncGenerator<string> {
  const path = apiPath(listing.place, 'metadata', names);
  const seen = new Seen();
  let limit = {};
  let keys = await listed(listing, path, limit);
  // A policy may deny a list that has no limit. OpenBao makes of "max" the largest that the policy allows.
  if (keys === 'denied') keys = await listed(listing, path, (limit = { limit: 'max' }));
  while (keys !== 'denied') {
    const fresh = keys.filter((key) => !seen.add(key));
    listing.received += fresh.length;
    if (listing.received > MOST_NAMES) throw tooMany(listing.client);
    yield* fresh;
    if (fresh.length === 0 && keys.length > 0) listing.mayHavePages = false;
    const after = keys.at(-1);
    if (fresh.length === 0 || after === undefined || !listing.mayHavePages) return;
    keys = await listed(listing, path, { ...limit, after });
  }
  listing.report.denied(path, 'list');
}

async function listed(
  { client }: Listing,
  path: readonly string[],
  query: Readonly<Record<string, string>>,
): Promise<readonly string[] | 'denied'> {
  const { status, body, from } = await client.get(path, { list: 'true', ...query });
  if (status === 403) return 'denied';
  if (status === 404) return [];
  // An empty list with a warning is no 404.
  const isWarned = Array.isArray(body['warnings']) && body['warnings'].length > 0;
  if (isWarned && (body['data'] ?? null) === null) return [];
  const { keys = null } = objectIn(body, 'data', from);
  if (isWarned && keys === null) return [];
  if (!Array.isArray(keys)) throw notAnAnswer(from, 'a list without keys');
  return keys.map((key) => {
    if (typeof key === 'string') return key;
    throw notAnAnswer(from, 'a list of what are no names');
  });
}

/** @param names of which the last is a new one @throws UsageError `bad_path` where it would be another on its way to the server */
function checkedNames(names: string[], { origin }: Client): string[] {
  const name = names.at(-1) ?? '';
  if (name !== '' && name !== '.' && name !== '..' && !/[/\p{Cs}]/u.test(name)) return names;
  const shown = JSON.stringify(names.join('/'));
  throw new UsageError('bad_path', `${origin} lists ${shown}, which is no name that can be asked for`, {
    hint: 'have it renamed at the server, or import the other folders one by one',
  });
}

function tooMany({ origin }: Client): UsageError {
  return new UsageError('bad_data', `${origin} lists more than ${MOST_NAMES} names`, {
    hint: 'import the folders one by one',
  });
}
