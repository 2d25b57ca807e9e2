import { fromUtf8, utf8 } from '../../bytes.ts';
import type { JsonObject } from '../../json.ts';
import { type EngineContext, timestamp } from '../engine.ts';
import { segments } from '../kv.ts';
import { type CustomMetadata, describeRemarks } from './custom-metadata.ts';

/** Kept versions where neither the secret nor the mount says otherwise, as in Vault. */
const DEFAULT_MAX_VERSIONS = 10;

export interface VersionInfo {
  /** Milliseconds since 1970. */
  readonly created: number;
  /** When it counts as deleted (may lie ahead), or null. */
  readonly deletion: number | null;
  /** Whether its data is gone for good. */
  readonly destroyed: boolean;
}

/** What the engine knows of one secret beside the data of its versions. */
export interface Metadata {
  readonly created: number;
  readonly updated: number;
  /** The newest version's number; 0 before the first. */
  readonly current: number;
  /** The oldest version that is kept; 0 until there are as many as are kept. */
  readonly oldest: number;
  readonly versions: { readonly [number: string]: VersionInfo };
  /** 0 stands for the mount's setting. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  /** Milliseconds; 0 stands for the mount's setting, negative for never. Vault takes no negative one here. */
  readonly deleteVersionAfter: number;
  readonly custom: CustomMetadata | null;
}

/** The mount's settings. */
export interface Settings {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  /** Milliseconds; 0 leaves it to the secret, negative is never, whatever a secret says. */
  readonly deleteVersionAfter: number;
}

export function newMetadata(now: number): Metadata {
  return {
    created: now,
    updated: now,
    current: 0,
    oldest: 0,
    versions: {},
    maxVersions: 0,
    casRequired: false,
    deleteVersionAfter: 0,
    custom: null,
  };
}

// The stored JSON comes out of the barrier, so it is what was put in.

export async function loadMetadata({ view }: EngineContext, path: string): Promise<Metadata | null> {
  const bytes = await view.get(metadataRow(path));
  return bytes === null ? null : (JSON.parse(fromUtf8(bytes)) as Metadata);
}

export async function storeMetadata({ view }: EngineContext, path: string, metadata: Metadata): Promise<void> {
  await view.put(metadataRow(path), utf8(JSON.stringify(metadata)));
}

export async function loadSettings({ view }: EngineContext): Promise<Settings> {
  const bytes = await view.get(SETTINGS_ROW);
  if (bytes === null) return { maxVersions: 0, casRequired: false, deleteVersionAfter: 0 };
  return JSON.parse(fromUtf8(bytes)) as Settings;
}

export async function storeSettings({ view }: EngineContext, settings: Settings): Promise<void> {
  await view.put(SETTINGS_ROW, utf8(JSON.stringify(settings)));
}

export const SETTINGS_ROW = ['config'];

export function metadataRow(path: string): string[] {
  return ['metadata', ...segments(path)];
}

/** A secret's path is one name here, so that "a" version 1 and "a/1" cannot meet. */
export function versionRow(path: string, version: number): string[] {
  return ['versions', path, String(version)];
}

export function keptVersions(metadata: Metadata, settings: Settings): number {
  return metadata.maxVersions || settings.maxVersions || DEFAULT_MAX_VERSIONS;
}

/** When a version that is written or undeleted now counts as deleted: after the shorter time of mount and secret. Null for never. */
export function plannedDeletion(metadata: Metadata, settings: Settings, now: number): number | null {
  const given = [settings.deleteVersionAfter, metadata.deleteVersionAfter].filter((after) => after !== 0);
  const shortest = Math.min(...given);
  return given.length === 0 || shortest < 0 ? null : now + shortest;
}

export function isDeleted(info: VersionInfo, now: number): boolean {
  return info.destroyed || (info.deletion !== null && info.deletion <= now);
}

/** What Vault tells of one version beside its data. */
export function describeVersion(metadata: Metadata, version: number, info: VersionInfo): JsonObject {
  return {
    created_time: timestamp(info.created),
    custom_metadata: describeRemarks(metadata.custom),
    deletion_time: info.deletion === null ? '' : timestamp(info.deletion),
    destroyed: info.destroyed,
    version,
  };
}
