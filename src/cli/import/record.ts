import type { CarriedSecret } from '../../core/index.ts';
import { UsageError } from '../../errors.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue } from '../../json.ts';
import { jsonLine } from '../json-text.ts';

/** A secret of an input, and where in it that is, for messages. */
export interface Incoming extends CarriedSecret {
  readonly where: string;
}

/**
 * The secrets of one document:
 *
 * - `{"path": ..., "data": {...}, "metadata": {...}, "versions": {...}}`, as `kv export` writes it, or a list of such;
 * - with the path given beside it, what `kv get -format=json` prints, or an object that is the data and no such record;
 * - without, an object that has an object of data for each path.
 *
 * @param path the secret that the document is, where it names none
 * @throws UsageError `bad_data`, never with a value in it
 */
export function* secretsOf(document: JsonValue, path: string | null, where: string): Generator<Incoming> {
  if (Array.isArray(document)) {
    for (const [at, item] of document.entries()) {
      if (!isJsonObject(item)) throw refused(where, `item ${at + 1} of the list is no object`);
      yield named(item, `${where}, item ${at + 1}`);
    }
    return;
  }
  if (!isJsonObject(document)) throw refused(where, 'it is neither an object nor a list');
  const answered = answeredData(document, where);
  if (path !== null && isRecord(document))
    throw refused(where, 'it names a secret by itself, as a line of kv export does', WITHOUT_PATH);
  if (path !== null) yield { path, data: answered ?? document, metadata: null, versions: null, where };
  else if (answered !== null) throw refused(where, 'it is an answer of kv get, which has no path', WITH_PATH);
  else if (typeof document['path'] === 'string') yield named(document, where);
  else yield* byPath(document, where);
}

function named(record: JsonObject, where: string): Incoming {
  const { path, data = null, metadata = null, versions = null } = record;
  const unknown = Object.keys(record).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw refused(where, `nothing is known of a member ${JSON.stringify(unknown)}`, RECORD);
  if (typeof path !== 'string') throw refused(where, 'it has no path', RECORD);
  if (data !== null && !isJsonObject(data)) throw refused(where, 'its data is no object', RECORD);
  if (metadata !== null && !isJsonObject(metadata)) throw refused(where, 'its metadata is no object', RECORD);
  if (versions !== null && !isJsonObject(versions)) throw refused(where, 'its versions are no object', RECORD);
  if (data === null && metadata === null) throw refused(where, 'it has no data', RECORD);
  const slip = Object.keys(metadata ?? {}).find((name) => !METADATA_MEMBERS.includes(name));
  if (slip !== undefined)
    throw refused(where, `nothing is known of a member ${JSON.stringify(slip)} of metadata`, METADATA);
  return { path, data, metadata, versions, where };
}

/** A secret as `secretsOf` reads it, in one line without its end; what it has not is left out. */
export function recordLine({ path, data, metadata, versions }: CarriedSecret): string {
  const others = { ...(metadata === null ? {} : { metadata }), ...(versions === null ? {} : { versions }) };
  return jsonLine({ path, data, ...others });
}

const MEMBERS: readonly string[] = ['path', 'data', 'metadata', 'versions'];
/** What `kv metadata get` has. */
export const METADATA_MEMBERS: readonly string[] = [
  ...['cas_required', 'created_time', 'current_version', 'custom_metadata', 'delete_version_after', 'max_versions'],
  ...['oldest_version', 'updated_time', 'versions'],
];
const METADATA = `metadata has: ${METADATA_MEMBERS.join(', ')}`;
const RECORD = 'a secret is: {"path": "secret/app", "data": {"user": "ada"}}';
const WITH_PATH = 'say with -path=PATH which secret it is';
const WITHOUT_PATH = 'leave out -path; -mount=PATH is for the mount, or the folder of one, that its path is below';

/** Nobody who exported a secret means to have the line itself as the data of another one. */
function isRecord(document: JsonObject): boolean {
  const carried = [document['data'], document['metadata'], document['versions']].filter((part) => part !== undefined);
  return (
    typeof document['path'] === 'string' &&
    Object.keys(document).every((name) => MEMBERS.includes(name)) &&
    carried.some((part) => isJsonObject(part))
  );
}

function* byPath(document: JsonObject, where: string): Generator<Incoming> {
  for (const [path, data] of Object.entries(document)) {
    if (!isJsonObject(data)) throw refused(where, 'it names no path', `${WITH_PATH}; ${RECORD}`);
    yield { path, data, metadata: null, versions: null, where };
  }
}

/** The secret in what `kv get -format=json` prints; null where it is something else. @throws UsageError `bad_data` where it has none */
function answeredData(document: JsonObject, where: string): JsonObject | null {
  const { data } = document;
  const isAnswer = ['request_id', 'lease_id', 'renewable'].every((name) => Object.hasOwn(document, name));
  if (!isAnswer || !isJsonObject(data)) return null;
  const { data: content, metadata } = data;
  const isVersion = isJsonObject(metadata) && isLosslessNumber(metadata['version']) && Object.keys(data).length === 2;
  if (!isVersion) return data;
  if (isJsonObject(content)) return content;
  throw refused(where, 'it is an answer of kv get without data: that version is deleted');
}

function refused(where: string, why: string, hint: string | null = null): UsageError {
  return new UsageError('bad_data', `${where}: ${why}`, { hint });
}
