/** A home directory of its own for each test, with a configuration file in it. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadConfig, type Config } from '../../../src/config/index.ts';
import { ConfigError } from '../../../src/errors.ts';

export interface Home {
  readonly path: string;
  readonly env: Record<string, string | undefined>;
  /** Writes a file below the home, mode 0600 unless told otherwise, and gives its path. */
  write(name: string, content: string | Uint8Array, mode?: number): string;
  load(file: string | readonly string[] | null, env?: Record<string, string>): Promise<Config>;
  /** The ConfigError that loading fails with. */
  failure(file: string | readonly string[] | null, env?: Record<string, string>): Promise<ConfigError>;
  cacheFiles(): string[];
}

export function makeHome(): Home {
  const path = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'coffer-config-')));
  onTestFinished(() => {
    fs.rmSync(path, { recursive: true, force: true });
  });
  const env = { HOME: path };
  const load = (file: string | readonly string[] | null, more: Record<string, string> = {}): Promise<Config> =>
    loadConfig({ paths: file === null ? [] : [file].flat(), env: { ...env, ...more } });
  return {
    path,
    env,
    write(name, content, mode = 0o600) {
      const file = join(path, name);
      fs.mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
      fs.writeFileSync(file, content);
      fs.chmodSync(file, mode);
      return file;
    },
    load,
    async failure(file, more) {
      const error: unknown = await load(file, more).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error instanceof ConfigError) return error;
      throw new Error(`expected a ConfigError, got ${String(error)}`);
    },
    cacheFiles() {
      const folder = join(path, '.cache', 'coffer');
      return fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => join(folder, name)) : [];
    },
  };
}

/** A seal stanza that is complete, with more lines in it. */
export function sealWith(...lines: string[]): string {
  const own = new Set(lines.map((line) => line.split(' ')[0]));
  const base = ['lib = "/usr/lib/p11.so"', 'token_label = "demo"', 'key_label = "k"', 'hmac_key_label = "h"'];
  const all = [...base.filter((line) => !own.has(line.split(' ')[0])), ...lines];
  return `seal "pkcs11" {\n${all.map((line) => `  ${line}\n`).join('')}}\n`;
}
