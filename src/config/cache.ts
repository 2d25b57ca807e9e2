/**
 * Parsed configurations, kept because loading the HCL parser takes longer than starting Node. An entry is named by
 * the SHA-256 of the text it was parsed from, which holds no secret, and so neither does the entry. Whatever goes
 * wrong here only costs time: nothing in this file throws.
 */
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../folders.ts';
import { cacheFolder, type Environment } from './paths.ts';

/** Part of every name: a new number when what is parsed or stored changes. */
const formatVersion = 'coffer config cache 3\n';
const entriesKept = 16;

/** What was parsed from `text` before, or undefined. */
export function readCache(text: string, env: Environment): unknown {
  try {
    const folder = cacheFolder(env);
    if (folder === null || !isOurs(fs.lstatSync(folder))) return undefined;
    const file = fs.openSync(join(folder, entryName(text)), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    try {
      const stat = fs.fstatSync(file);
      if (!stat.isFile() || !isOurs(stat)) return undefined;
      return JSON.parse(fs.readFileSync(file, 'utf8'));
    } finally {
      fs.closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** Keeps `parsed` for `text` in a file of mode 0600, and removes all but the newest entries. */
export function writeCache(text: string, parsed: unknown, env: Environment): void {
  try {
    const folder = cacheFolder(env);
    if (folder === null) return;
    makeFolders(folder);
    if (!isOurs(fs.lstatSync(folder))) return;
    const entry = join(folder, entryName(text));
    const temporary = `${entry}.${randomBytes(6).toString('hex')}`;
    try {
      fs.writeFileSync(temporary, JSON.stringify(parsed), { flag: 'wx', mode: 0o600 });
      fs.renameSync(temporary, entry);
    } finally {
      fs.rmSync(temporary, { force: true });
    }
    prune(folder);
  } catch {
    // A read-only home is not a reason to fail.
  }
}

function entryName(text: string): string {
  return `config-${createHash('sha256').update(formatVersion).update(text).digest('hex')}.json`;
}

/** Somebody else's file, or one that others can write, could name a library that we load. */
function isOurs(stat: fs.Stats): boolean {
  return stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
}

function prune(folder: string): void {
  const entries = fs
    .readdirSync(folder)
    .filter((name) => name.startsWith('config-'))
    .map((name) => join(folder, name))
    .map((path) => ({ path, time: fs.lstatSync(path).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of entries.slice(entriesKept)) fs.rmSync(path, { force: true });
}
