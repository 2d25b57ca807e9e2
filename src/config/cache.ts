/**
 * Parsed values, kept because loading the HCL parser takes longer than starting Node. An entry is named by the SHA-256
 * of the literals that it was parsed from, none of which is secret, and so neither is the entry. Whatever goes
 * wrong here only costs time: nothing in this file throws.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fromUtf8 } from '../bytes.ts';
import { readPrivateFile, replacePrivateFile } from '../private-files.ts';
import { cacheFolder } from './paths.ts';
import type { Environment } from './variables.ts';

/** Part of every name: a new number when what is parsed or stored changes. */
const formatVersion = 'coffer config cache 4\n';
const ENTRIES_KEPT = 16;

/** What was parsed from `text` before, or undefined. */
export function readCache(text: string, env: Environment): unknown {
  try {
    const folder = cacheFolder(env);
    const entry = folder === null ? null : readPrivateFile(join(folder, entryName(text)));
    return entry === null ? undefined : JSON.parse(fromUtf8(entry));
  } catch {
    return undefined;
  }
}

/** Keeps `parsed` for `text`, and removes all but the newest entries. */
export function writeCache(text: string, parsed: unknown, env: Environment): void {
  try {
    const folder = cacheFolder(env);
    if (folder === null) return;
    replacePrivateFile(join(folder, entryName(text)), JSON.stringify(parsed));
    prune(folder);
  } catch {
    // A read-only home is not a reason to fail, nor is one in which somebody else could name a library that we load.
  }
}

function entryName(text: string): string {
  return `config-${createHash('sha256').update(formatVersion).update(text).digest('hex')}.json`;
}

function prune(folder: string): void {
  const entries = fs
    .readdirSync(folder)
    .filter((name) => name.startsWith('config-'))
    .map((name) => join(folder, name))
    .map((path) => ({ path, time: fs.lstatSync(path).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of entries.slice(ENTRIES_KEPT)) fs.rmSync(path, { force: true });
}
