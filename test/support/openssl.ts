import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * openssl as the second opinion. Files are given by name in `args` and made before it runs.
 * @returns its stdout
 */
export function openssl(args: readonly string[], files: { readonly [name: string]: string | Uint8Array } = {}): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-transit-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function opensslVerifies(
  args: readonly string[],
  files: { readonly [name: string]: string | Uint8Array },
): boolean {
  try {
    openssl(args, files);
    return true;
  } catch {
    return false;
  }
}
