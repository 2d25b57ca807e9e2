import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../errors.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue } from '../../json.ts';
import { isWhole } from '../check.ts';
import { parseTimestamp } from '../engine.ts';
import type { Carried } from '../transfer.ts';
import { type Metadata, newMetadata, type VersionInfo } from './metadata.ts';
import { withSettings } from './settings.ts';

// Metadata and versions from outside, which must agree as those do that the engine writes.

/** @param carried with versions @throws UsageError `bad_data`, `bad_parameter` */
export function restoredMetadata({ metadata }: Pick<Carried, 'metadata'>): Metadata {
  if (metadata === null) throw refused('there are versions, and no metadata that lists them');
  const { current_version: current, oldest_version: oldest } = metadata;
  const listed = metadata['versions'];
  if (!isJsonObject(listed)) throw refused('the metadata lists no versions');
  if (!isWhole(current, 0)) throw refused('current_version is no number of a version');
  if (!isWhole(oldest, 0, wholeNumber(current))) throw refused('oldest_version is no number of a version');
  const numbers = Object.keys(listed);
  const [least, most] = [wholeNumber(oldest), wholeNumber(current)];
  const isListed = numbers.every((name) => /^[1-9]\d*$/.test(name) && Number(name) >= least && Number(name) <= most);
  if (!isListed) throw refused('a version has a number that is not between oldest_version and current_version');
  if (most > 0 && !numbers.includes(String(most))) throw refused('the current version is not listed');
  return {
    ...withSettings(newMetadata(0), metadata),
    created: time(metadata['created_time'], 'created_time'),
    updated: time(metadata['updated_time'], 'updated_time'),
    current: most,
    oldest: least,
    versions: Object.fromEntries(numbers.map((name) => [name, versionInfo(listed[name])])),
  };
}

/**
 * The data of each version that is not destroyed. What is given as the newest data is that of the newest version: who has changed one of
 * the two by hand must not lose the change without a word.
 * @throws UsageError `bad_data`
 */
export function restoredVersions(
  { data: newest, versions }: Pick<Carried, 'data' | 'versions'>,
  metadata: Metadata,
): ReadonlyMap<number, JsonObject> {
  const given = versions ?? {};
  const current = String(metadata.current);
  if (newest !== null && !isDeepStrictEqual(newest, Object.hasOwn(given, current) ? given[current] : null))
    throw refused('its data is not that of its current version');
  const stray = Object.keys(given).find((name) => metadata.versions[name]?.destroyed !== false);
  if (stray !== undefined) throw refused('there is data of a version that the metadata does not list, or as destroyed');
  return new Map(
    Object.entries(metadata.versions).flatMap(([name, { destroyed }]) => {
      const data = Object.hasOwn(given, name) ? given[name] : undefined;
      if (destroyed) return [];
      if (!isJsonObject(data)) throw refused(`version ${name} has no data, and the metadata does not say why`);
      return [[Number(name), data]];
    }),
  );
}

function versionInfo(given: JsonValue | undefined): VersionInfo {
  if (!isJsonObject(given)) throw refused('a version is listed with nothing about it');
  const { created_time: created, deletion_time: deletion, destroyed } = given;
  if (typeof destroyed !== 'boolean') throw refused('destroyed is neither true nor false');
  return {
    created: time(created, 'created_time'),
    deletion: deletion === '' ? null : time(deletion, 'deletion_time'),
    destroyed,
  };
}

function time(given: JsonValue | undefined, name: string): number {
  const milliseconds = typeof given === 'string' ? parseTimestamp(given) : null;
  if (milliseconds !== null) return milliseconds;
  throw refused(`${name} is no time since 1970 such as 2026-01-31T08:00:00Z`);
}

/** @param value for which `isWhole` holds */
function wholeNumber(value: JsonValue | undefined): number {
  return Number(isLosslessNumber(value) ? value.value : value);
}

function refused(why: string): UsageError {
  return new UsageError('bad_data', why);
}
