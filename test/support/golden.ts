import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeStand, type Stand, type StandOptions } from './store.ts';

/** A folder for each layout that a store ever had. */
export const GOLDEN_STORES = fileURLToPath(new URL('../../fixtures/store/', import.meta.url));
/** A folder for each version that records had before, with records of every kind. */
export const GOLDEN_RECORDS = fileURLToPath(new URL('../../fixtures/records/', import.meta.url));

/** What `golden.json` beside a golden store says. */
export interface Golden {
  /** The coffer that made it. */
  readonly version: string;
  readonly label: string;
  readonly pin: string;
  /** In base64; any two of the three make the recovery key. */
  readonly recoveryShares: readonly string[];
  /** What `secrets list -format=json` shows. */
  readonly mounts: unknown;
  /** Arguments of `kv get -format=json` and the `data` that it prints (for version 2: data and version). */
  readonly secrets: readonly GoldenSecret[];
}

export interface GoldenSecret {
  readonly get: readonly string[];
  readonly data: unknown;
  readonly version: number | null;
}

export interface GoldenStand {
  readonly golden: Golden;
  readonly stand: Stand;
}

export function readGolden(name: string): Golden {
  return readGoldenIn(join(GOLDEN_STORES, name));
}

function readGoldenIn(folder: string): Golden {
  return JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as Golden;
}

type GoldenOptions = Omit<StandOptions, 'label' | 'pin'>;

/** A stand with a copy of a golden store and of its token. The store is sealed. */
export function goldenStand(name: string, options: GoldenOptions = {}): GoldenStand {
  return standOf(join(GOLDEN_STORES, name), options);
}

/** The same of one with old records. */
export function recordsStand(name: string, options: GoldenOptions = {}): GoldenStand {
  return standOf(join(GOLDEN_RECORDS, name), options);
}

function standOf(folder: string, options: GoldenOptions): GoldenStand {
  const golden = readGoldenIn(folder);
  const stand = makeStand({ ...options, label: golden.label, pin: golden.pin });
  const tokens = join(stand.dir, 'hsm', 'tokens');
  rmSync(tokens, { recursive: true });
  cpSync(join(folder, 'tokens'), tokens, { recursive: true });
  mkdirSync(join(stand.dir, 'store'), { mode: 0o700 });
  writeFileSync(stand.path, readFileSync(join(folder, 'coffer.db')), { mode: 0o600 });
  return { golden, stand };
}
