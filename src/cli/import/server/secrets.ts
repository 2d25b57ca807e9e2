import type { CarriedSecret } from '../../../core/index.ts';
import { StoreError } from '../../../errors.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue, setOwn } from '../../../json.ts';
import type { Answer, Client } from './client.ts';
import { METADATA_MEMBERS } from '../record.ts';
import { notAnAnswer } from './failures.ts';
import { apiPath, objectIn, type ServerPlace } from './place.ts';
import type { Report } from './report.ts';

type Carried = Omit<CarriedSecret, 'path'>;

/** What of a secret is to come. */
export interface Wanted {
  /** All versions. */
  readonly versions: boolean;
  /** Whether there is a place for metadata where it goes: a version 2 mount. */
  readonly metadata: boolean;
}

/** Reads secrets of one place. */
export interface Reading {
  readonly client: Client;
  readonly place: ServerPlace;
  readonly wanted: Wanted;
  readonly report: Report;
}

/** How often a secret is read that is written meanwhile. */
const TRIES = 3;

/** @returns null where nothing of it comes, as the report says @throws StoreError */
export async function readSecret(reading: Reading, names: readonly string[]): Promise<Carried | null> {
  const { place, wanted, client } = reading;
  if (place.version === 1 || !wanted.metadata) return readNewest(reading, names);
  for (let tried = 0; tried < TRIES; tried++) {
    const carried = await readWithMetadata(reading, names);
    if (carried !== 'changed') return carried;
  }
  const path = apiPath(place, 'metadata', names).join('/');
  throw new StoreError('server_failed', `${path} at ${client.origin} is written again and again while it is read`, {
    hint: 'import again when there is less going on',
  });
}

/** The data alone, and the remarks that come with it. */
async function readNewest(reading: Reading, names: readonly string[]): Promise<Carried | null> {
  const { client, place, wanted, report } = reading;
  const path = apiPath(place, 'data', names);
  const answer = await client.get(path);
  if (answer.status === 403) report.denied(path, 'read');
  if (answer.status === 403) return null;
  const version = place.version === 2 ? versionOf(answer) : null;
  if (answer.status === 404) {
    if (version === null || version.destroyed) report.gone();
    else report.deleted(pathOf(names), [version.number]);
    return null;
  }
  const data = version === null ? memberOf(answer.body['data']) : version.data;
  if (data === undefined) throw notAnAnswer(answer.from, 'a secret without data');
  if (!wanted.metadata && (data === null || Object.keys(data).length === 0)) {
    report.left(pathOf(names));
    return null;
  }
  if (data === null) report.null(pathOf(names));
  const remarks = version?.metadata['custom_metadata'] ?? null;
  return { data: data ?? {}, metadata: remarks === null ? null : { custom_metadata: remarks }, versions: null };
}

/** @returns "changed" where metadata and data are not of one moment */
async function readWithMetadata(reading: Reading, names: readonly string[]): Promise<Carried | null | 'changed'> {
  const { client, place, wanted, report } = reading;
  const path = apiPath(place, 'metadata', names);
  const answer = await client.get(path);
  if (answer.status === 403) {
    report.denied(path, 'read');
    return wanted.versions ? null : readNewest(reading, names);
  }
  if (answer.status === 404) {
    report.gone();
    return null;
  }
  const metadata = objectIn(answer.body, 'data', answer.from);
  const states = objectIn(metadata, 'versions', answer.from);
  const current = numberIn(metadata, 'current_version', answer.from);
  const asked = wanted.versions ? Object.keys(states) : [current].filter((number) => number !== '0');
  const read = await readVersions(reading, names, states, asked);
  if (read === null || read === 'changed') return read;
  report.deleted(pathOf(names), read.deleted);
  if (read.nulls > 0) report.null(pathOf(names));
  const kept = KEPT.filter((name) => Object.hasOwn(metadata, name)).map(
    (name) => [name, metadata[name] ?? null] as const,
  );
  const described: JsonObject = { ...Object.fromEntries(kept), versions: read.states };
  if (wanted.versions) return { data: null, metadata: described, versions: read.data };
  return { data: memberOf(read.data[current]) ?? null, metadata: described, versions: null };
}

/** Of the metadata: a server may tell more than there is a place for here. */
const KEPT = METADATA_MEMBERS.filter((name) => name !== 'versions');

interface Versions {
  /** By number; those without data are marked as destroyed, since nobody here can bring them back. */
  readonly states: JsonObject;
  /** By number. */
  readonly data: JsonObject;
  /** Numbers of those that the server could still bring back. */
  readonly deleted: readonly string[];
  /** How many are null there. */
  readonly nulls: number;
}

/** The server says what is deleted, whatever the clock of this machine says. */
async function readVersions(
  { client, place, report }: Reading,
  names: readonly string[],
  listed: JsonObject,
  numbers: readonly string[],
): Promise<Versions | null | 'changed'> {
  const path = apiPath(place, 'data', names);
  const states: JsonObject = { ...listed };
  const data: JsonObject = {};
  const deleted: string[] = [];
  let nulls = 0;
  for (const number of numbers) {
    const state = objectIn(listed, number, client.origin);
    if (state['destroyed'] === true) continue;
    const answer = await client.get(path, { version: number });
    if (answer.status === 403) {
      report.denied(path, 'read');
      return null;
    }
    const version = versionOf(answer);
    if (version === null) return 'changed';
    // Something between here and the server may keep answers, and take no notice of the query.
    if (version.number !== number) throw notAnAnswer(answer.from, 'another version');
    if (answer.status === 200) {
      setOwn(data, number, version.data ?? {});
      if (version.data === null) nulls++;
      continue;
    }
    const deletion = version.metadata['deletion_time'] ?? '';
    setOwn(states, number, { ...state, deletion_time: deletion, destroyed: true });
    if (!version.destroyed) deleted.push(number);
  }
  return { states, data, deleted, nulls };
}

/** What an answer of data/PATH tells; null where there is no such version. @throws StoreError `server_answer` */
function versionOf({ status, body, from }: Answer): Version | null {
  const found = body['data'];
  if (status === 404 && !isJsonObject(found)) return null;
  const both = objectIn(body, 'data', from);
  const metadata = objectIn(both, 'metadata', from);
  const data = memberOf(both['data']);
  if (data === undefined) throw notAnAnswer(from, 'a secret without data');
  return { data, metadata, number: numberIn(metadata, 'version', from), destroyed: metadata['destroyed'] === true };
}

interface Version {
  readonly data: JsonObject | null;
  readonly metadata: JsonObject;
  readonly number: string;
  readonly destroyed: boolean;
}

/** Undefined for what is neither an object nor null. */
function memberOf(value: JsonValue | undefined): JsonObject | null | undefined {
  return value === null || isJsonObject(value) ? value : undefined;
}

/** The digits of a number. @throws StoreError `server_answer` */
function numberIn(object: JsonObject, name: string, from: string): string {
  const value = object[name];
  if (isLosslessNumber(value)) return value.value;
  throw notAnAnswer(from, `JSON without ${name}`);
}

function pathOf(names: readonly string[]): string {
  return names.join('/');
}
