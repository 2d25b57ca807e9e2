import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What stands in backquotes and looks like a file or a folder. */
function named(page: string): string[] {
  const texts = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/`([^`\s]+)`/g)].map(([, text = '']) => text);
  return texts.filter((text) => /^[\w./-]+(\.(ts|c|cjs|txt|mjs)|\/)$/.test(text) && !text.includes('*'));
}

describe('the map of src', () => {
  it.each(['src/README.md', '.github/CONTRIBUTING.md'])('names in %s no file that is not there', (page) => {
    const files = named(page);
    expect(files.length).toBeGreaterThan(0);
    const folders = ['', 'src', 'src/core', 'src/pkcs11', 'src/seal', 'test/shim', 'src/storage'];
    expect(files.filter((file) => !folders.some((folder) => existsSync(join(ROOT, folder, file))))).toEqual([]);
  });
});
