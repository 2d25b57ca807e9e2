import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  setOwn,
  stringifyJson,
} from '../../../../src/json.ts';

/** The kv engines as a reader of the documentation would write them down: maps in memory, nothing clever. */

/** `data` as JSON, null for "nothing there", or the code of an error. */
export type Outcome = { readonly data: JsonValue } | { readonly error: string } | null;

export type Command =
  | { readonly kind: 'write' | 'patch'; readonly path: string; readonly content: string; readonly cas: Cas }
  | { readonly kind: 'read'; readonly path: string; readonly version: number }
  | { readonly kind: 'delete-newest' | 'delete-all' | 'metadata-read' | 'list'; readonly path: string }
  | { readonly kind: 'delete' | 'undelete' | 'destroy'; readonly path: string; readonly versions: readonly number[] }
  | { readonly kind: 'metadata-write' | 'metadata-patch'; readonly path: string; readonly settings: SecretSettings }
  | { readonly kind: 'config-write'; readonly settings: MountSettings }
  | { readonly kind: 'config-read' };

/** Relative to the current version, so that right and wrong ones are as frequent; null for none. */
export type Cas = number | null;

export interface MountSettings {
  readonly max_versions?: number;
  readonly cas_required?: boolean;
  readonly delete_version_after?: Duration;
}
export interface SecretSettings extends MountSettings {
  readonly custom_metadata?: { readonly [name: string]: string | null };
}

export const DURATIONS = { '0s': 0, '30s': 30_000, '1h0m0s': 3_600_000, '-1s': -1000 } as const;
export type Duration = keyof typeof DURATIONS;

interface Version {
  readonly created: number;
  deletion: number | null;
  destroyed: boolean;
  content: JsonObject;
}

interface Secret {
  readonly created: number;
  updated: number;
  current: number;
  oldest: number;
  readonly versions: Map<number, Version>;
  max: number;
  cas: boolean;
  after: Duration;
  custom: Map<string, string> | null;
}

export class Model2 {
  readonly secrets = new Map<string, Secret>();
  config: Required<MountSettings> = { max_versions: 0, cas_required: false, delete_version_after: '0s' };
  configured = false;

  current(path: string): number {
    return this.secrets.get(path)?.current ?? 0;
  }

  run(command: Command, now: number): Outcome {
    switch (command.kind) {
      case 'write':
        return this.write(command.path, parsed(command.content), this.absolute(command.path, command.cas), now);
      case 'patch': {
        const secret = this.secrets.get(command.path);
        const newest = secret?.versions.get(secret.current);
        if (newest === undefined || gone(newest, now)) return null;
        return this.write(
          command.path,
          merged(newest.content, parsed(command.content)),
          this.absolute(command.path, command.cas),
          now,
        );
      }
      case 'read': {
        const secret = this.secrets.get(command.path);
        const number = command.version === 0 ? (secret?.current ?? 0) : command.version;
        const version = secret?.versions.get(number);
        if (secret === undefined || version === undefined) return null;
        return {
          data: { data: gone(version, now) ? null : version.content, metadata: described(secret, number, version) },
        };
      }
      case 'delete-newest':
        this.mark(command.path, [this.current(command.path)], deleted(now));
        return { data: null };
      case 'delete':
        return this.mark(command.path, command.versions, deleted(now));
      case 'undelete':
        return this.mark(command.path, command.versions, (version, secret) => {
          if (!version.destroyed) version.deletion = this.deletion(secret, now);
        });
      case 'destroy':
        return this.mark(command.path, command.versions, (version) => {
          version.destroyed = true;
        });
      case 'delete-all':
        this.secrets.delete(command.path);
        return { data: null };
      case 'metadata-read':
        return this.metadata(command.path);
      case 'metadata-write':
      case 'metadata-patch':
        return this.settings(command.path, command.settings, command.kind === 'metadata-patch', now);
      case 'list':
        return listed([...this.secrets.keys()], command.path);
      case 'config-write':
        if (Object.keys(command.settings).length === 0) return { data: null };
        this.config = { ...this.config, ...command.settings };
        this.configured = true;
        return { data: null };
      case 'config-read':
        return { data: { ...this.config } };
    }
  }

  absolute(path: string, cas: Cas): number | null {
    return cas === null ? null : Math.max(0, this.current(path) + cas);
  }

  private write(path: string, content: JsonObject, cas: number | null, now: number): Outcome {
    const secret = this.secrets.get(path) ?? fresh(now);
    if (cas === null && (secret.cas || this.config.cas_required)) return { error: 'cas_required' };
    if (cas !== null && cas !== secret.current) return { error: 'cas_mismatch' };
    this.secrets.set(path, secret);
    const version = { created: now, deletion: this.deletion(secret, now), destroyed: false, content };
    secret.current += 1;
    secret.updated = now;
    secret.versions.set(secret.current, version);
    const kept = secret.max || this.config.max_versions || 10;
    if (secret.current - secret.oldest >= kept) secret.oldest = secret.current - kept + 1;
    for (const number of [...secret.versions.keys()]) if (number < secret.oldest) secret.versions.delete(number);
    return { data: described(secret, secret.current, version) };
  }

  private deletion(secret: Secret, now: number): number | null {
    const [mount, own] = [DURATIONS[this.config.delete_version_after], DURATIONS[secret.after]];
    if (mount < 0 || own < 0 || mount + own === 0) return null;
    return now + (mount === 0 || own === 0 ? mount + own : Math.min(mount, own));
  }

  private mark(path: string, numbers: readonly number[], change: (version: Version, secret: Secret) => void): Outcome {
    const secret = this.secrets.get(path);
    for (const number of numbers) {
      const version = secret?.versions.get(number);
      if (secret !== undefined && version !== undefined) change(version, secret);
    }
    return { data: null };
  }

  private metadata(path: string): Outcome {
    const secret = this.secrets.get(path);
    if (secret === undefined) return null;
    const versions: JsonObject = {};
    for (const [number, { created, deletion, destroyed }] of secret.versions) {
      versions[number] = {
        created_time: time(created),
        deletion_time: deletion === null ? '' : time(deletion),
        destroyed,
      };
    }
    return {
      data: {
        cas_required: secret.cas,
        created_time: time(secret.created),
        current_version: secret.current,
        custom_metadata: custom(secret),
        delete_version_after: secret.after,
        max_versions: secret.max,
        oldest_version: secret.oldest,
        updated_time: time(secret.updated),
        versions,
      },
    };
  }

  private settings(path: string, given: SecretSettings, patch: boolean, now: number): Outcome {
    const before = this.secrets.get(path);
    if (before === undefined && patch) return null;
    if (Object.keys(given).length === 0) return { data: null };
    if (!patch && Object.values(given.custom_metadata ?? {}).includes(null)) return { error: 'bad_parameter' };
    const secret = before ?? fresh(now);
    this.secrets.set(path, secret);
    secret.updated = now;
    secret.max = given.max_versions ?? secret.max;
    secret.cas = given.cas_required ?? secret.cas;
    secret.after = given.delete_version_after ?? secret.after;
    if (given.custom_metadata !== undefined) {
      const remarks = new Map(patch ? secret.custom : []);
      for (const [name, value] of Object.entries(given.custom_metadata)) {
        if (value === null) remarks.delete(name);
        else remarks.set(name, value);
      }
      secret.custom = remarks.size === 0 ? null : remarks;
    }
    return { data: null };
  }
}

export class Model1 {
  readonly secrets = new Map<string, JsonObject>();

  run(command: Command): Outcome {
    switch (command.kind) {
      case 'write': {
        const content = parsed(command.content);
        if (Object.keys(content).length === 0) return { error: 'no_data' };
        this.secrets.set(command.path, content);
        return { data: null };
      }
      case 'read': {
        const content = this.secrets.get(command.path);
        return content === undefined ? null : { data: content };
      }
      case 'delete-newest':
        this.secrets.delete(command.path);
        return { data: null };
      case 'list':
        return listed([...this.secrets.keys()], command.path);
      default:
        throw new Error(`version 1 has no ${command.kind}`);
    }
  }
}

/** The way out of an engine and of the model alike: numbers as they are written, plain objects. */
export function normal(outcome: Outcome): Outcome {
  return outcome === null || 'error' in outcome ? outcome : { data: parseJson(stringifyJson(outcome.data)) };
}

export function parsed(text: string): JsonObject {
  return parseJson(text) as JsonObject;
}

export function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function fresh(now: number): Secret {
  return {
    created: now,
    updated: now,
    current: 0,
    oldest: 0,
    versions: new Map(),
    max: 0,
    cas: false,
    after: '0s',
    custom: null,
  };
}

function gone({ deletion, destroyed }: Version, now: number): boolean {
  return destroyed || (deletion !== null && deletion <= now);
}

function deleted(now: number): (version: Version) => void {
  return (version) => {
    if (!gone(version, now)) version.deletion = now;
  };
}

function described(secret: Secret, number: number, { created, deletion, destroyed }: Version): JsonObject {
  return {
    created_time: time(created),
    custom_metadata: custom(secret),
    deletion_time: deletion === null ? '' : time(deletion),
    destroyed,
    version: number,
  };
}

function custom({ custom: remarks }: Secret): JsonObject | null {
  return remarks === null ? null : Object.fromEntries(remarks);
}

/** RFC 7396 section 2, as its pseudocode has it. */
function merged(target: JsonValue, patch: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of isJsonObject(target) ? Object.entries(target) : []) setOwn(result, key, value);
  for (const [key, value] of Object.entries(patch)) {
    const before = Object.hasOwn(result, key) ? (result[key] ?? null) : null;
    if (value === null) Reflect.deleteProperty(result, key);
    else setOwn(result, key, isJsonObject(value) ? merged(before, value) : value);
  }
  return result;
}

function listed(paths: readonly string[], folder: string): Outcome {
  const below =
    folder === ''
      ? paths
      : paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
  const names = new Set(below.map((rest) => (rest.includes('/') ? `${rest.split('/')[0] ?? ''}/` : rest)));
  const keys = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return keys.length === 0 ? null : { data: { keys } };
}
