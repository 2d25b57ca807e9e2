/** HCL text to what it holds: scanned by us, its values read by hcl2-parser, once per content. */
import { ConfigError } from '../errors.ts';
import { readCache, writeCache } from './cache.ts';
import type { Contents } from './document.ts';
import { loadParser } from './parser.ts';
import { scanHcl } from './scan.ts';
import type { Environment } from './variables.ts';

/** @throws ConfigError, which names the place in `file` wherever the scan can tell it */
export async function parseHcl(file: string, text: string, env: Environment): Promise<Contents> {
  const { stanzas, settings, literals } = scanHcl(file, text);
  const sources = literals.map(({ source }) => source);
  const values = await readLiterals(sources, env);
  if (values === null) {
    throw new ConfigError('config_syntax', `${file}: is not valid HCL, on a line that is not known`, {
      hint: 'take parts of the file away to find the line, or write it as JSON',
    });
  }
  for (const [index, { setting }] of literals.entries()) setting.value = values[index];
  return { stanzas, settings };
}

/** The value of each literal, from the cache or from hcl2-parser; null where that does not take them. */
async function readLiterals(literals: readonly string[], env: Environment): Promise<readonly unknown[] | null> {
  const areValues = (found: unknown): found is unknown[] => Array.isArray(found) && found.length === literals.length;
  const text = `values = [\n${literals.map((literal) => `${literal},\n`).join('')}]\n`;
  const cached = readCache(text, env);
  if (areValues(cached)) return cached;
  const parse = await loadParser();
  const parsed = parse(text);
  if (!isObject(parsed) || !areValues(parsed['values'])) return null;
  writeCache(text, parsed['values'], env);
  return parsed['values'];
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null;
}
