import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { parseTranscript, runTranscript } from '../support/transcript.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe.concurrent('a session at a terminal', () => {
  for (const name of files) {
    const file = join(folder, name);
    it(`${name}: ${parseTranscript(readFileSync(file, 'utf8')).title}`, { timeout: 120_000 }, async ({ expect }) => {
      const { expected, actual } = await runTranscript(file);
      expect(actual).toBe(expected);
    });
  }
});
