import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Below the repository, so that node finds pkcs11js. */
const BUNDLES = join(ROOT, 'node_modules/.cache/coffer-test');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bundles TypeScript that imports from `./src/...` and runs it in a process of its own. */
export function startChild(
  source: string,
  env: Readonly<Record<string, string>>,
): { child: ChildProcess; ended: Promise<Ended> } {
  mkdirSync(BUNDLES, { recursive: true });
  const outfile = join(BUNDLES, `${randomUUID()}.mjs`);
  afterAll(() => rmSync(outfile, { force: true }));
  buildSync({
    stdin: { contents: source, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['pkcs11js'],
    outfile,
  });
  // The add-ons stand beside the bundle that uses them.
  linkAddons(join(BUNDLES, 'lib'));
  const child = spawn(process.execPath, [outfile], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

/** Another test file may do so at the same time. */
function linkAddons(link: string): void {
  try {
    symlinkSync(join(ROOT, 'dist/lib'), link);
  } catch (error) {
    if (!existsSync(link)) throw error;
  }
}
