import type { Invocation } from './command.ts';

const BAR_WIDTH = 30;

/** Runs `use` with a progress bar on the terminal, if there is one and it is not JSON or YAML that is wanted. */
export async function withProgress<T>(
  { terminal, format }: Pick<Invocation, 'terminal' | 'format'>,
  what: string,
  use: (progress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  if (format !== 'table') return use(() => undefined);
  try {
    return await use((done, total) => terminal.progress((width) => bar(what, done, total).slice(0, width)));
  } finally {
    terminal.progress(null);
  }
}

function bar(what: string, done: number, total: number): string {
  const part = total === 0 ? 1 : done / total;
  const full = Math.floor(part * BAR_WIDTH);
  return `${what} [${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}] ${Math.floor(part * 100)}% ${done} of ${total}`;
}
