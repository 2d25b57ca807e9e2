/** HCL text to a Document: scanned by us, its values decoded by hcl2-parser, once per content. */
import { ConfigError } from '../errors.ts';
import { readCache, writeCache } from './cache.ts';
import { title, type Document, type Setting, type Stanza } from './document.ts';
import { secretKeys, stanzaKeys, topLevelKeys } from './keys.ts';
import { loadParser } from './parser.ts';
import type { Environment } from './paths.ts';
import { scanHcl, type Scan, type Selection } from './scan.ts';

const selection: Selection = {
  stanza: (name, labels) => stanzaKeys.has(title({ name, labels })),
  key: (name) => topLevelKeys.includes(name),
  // A misspelt key may hold a PIN as well as `pin` does.
  isPublic: (name, stanza, labels) =>
    !secretKeys.includes(name) && stanzaKeys.get(title({ name: stanza, labels }))?.includes(name) === true,
};

export async function parseHcl(file: string, text: string, env: Environment): Promise<Document> {
  const scan = scanHcl(file, text, selection);
  const cached = toDocument(file, scan, readCache(scan.text, env));
  if (cached !== null) return cached;

  const parse = await loadParser();
  const parsed = parse(scan.text);
  const document = toDocument(file, scan, parsed);
  if (document === null) {
    throw new ConfigError('config_syntax', `${file}: is not valid HCL, on a line that is not known`, {
      hint: 'take parts of the file away to find the line, or write it as JSON',
    });
  }
  writeCache(scan.text, parsed, env);
  return document;
}

/** Puts the parsed values where the scan found their keys; null when the two do not agree. */
function toDocument(file: string, scan: Scan, parsed: unknown): Document | null {
  if (!isObject(parsed)) return null;
  const stanzas: Stanza[] = [];
  const taken = new Map<string, number>();
  for (const { name, labels, at, selected, keys } of scan.stanzas) {
    const settings = new Map<string, Setting>();
    if (selected) {
      const which = title({ name, labels });
      const index = taken.get(which) ?? 0;
      taken.set(which, index + 1);
      const body = [name, ...labels, String(index)].reduce(member, parsed);
      for (const key of keys) {
        const found = member(body, key.name);
        const value = selection.isPublic(key.name, name, labels) ? found : reveal(found, scan);
        if (value === undefined) return null;
        settings.set(key.name, { value, at: key.at });
      }
    }
    stanzas.push({ name, labels, at, settings });
  }
  const settings = new Map<string, Setting>();
  for (const { name, at, selected } of scan.keys) {
    const value = selected ? member(parsed, name) : undefined;
    if (selected && value === undefined) return null;
    settings.set(name, { value, at });
  }
  return { file, stanzas, settings };
}

function reveal(value: unknown, scan: Scan): unknown {
  return typeof value === 'string' ? scan.secrets[Number(value.slice(1))] : value;
}

function member(value: unknown, name: string): unknown {
  return Object.entries(value ?? {}).find(([key]) => key === name)?.[1];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
