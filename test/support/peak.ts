import { spawn } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { COFFER } from './program.ts';
import type { Stand } from './store.ts';

/** In milliseconds. The kernel keeps the peak, so that nothing is missed but what comes at the very end. */
const INTERVAL = 10;

/**
 * The most memory, in MiB, that a command has had at any moment (VmHWM in proc(5)). Rejects unless it exits 0; what it prints is thrown away.
 * @param input a file that it gets as a pipe
 * @param program another than `COFFER`
 */
export async function peakOf(
  stand: Stand,
  args: readonly string[],
  input: string | null = null,
  program: readonly string[] = COFFER,
): Promise<number> {
  const [file = '', ...before] = program;
  const child = spawn(file, [...before, ...args], { cwd: stand.dir, env: stand.env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stdout.resume();
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString('utf8')));
  child.stdin.on('error', () => undefined); // it need not read what it is given
  if (input === null) child.stdin.end();
  else createReadStream(input).pipe(child.stdin);
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, peakNow(child.pid ?? 0))), INTERVAL);
  const status = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(timer);
  if (status !== 0) throw new Error(`coffer ${args.join(' ')} ended with ${String(status)}:\n${stderr}`);
  return peak;
}

/** 0 for a process that has ended. */
function peakNow(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
