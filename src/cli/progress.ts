import type { Invocation } from './command.ts';
import { beforeEnding } from './endings.ts';

const BAR_WIDTH = 30;

type Shown = Pick<Invocation, 'terminal' | 'format'>;
type Progress = (done: number, total: number) => void;

/** Runs `use` with a progress bar on the terminal, if there is one and it is not JSON or YAML that is wanted. */
export async function withProgress<T>(shown: Shown, what: string, use: (progress: Progress) => Promise<T>): Promise<T> {
  return withLine(shown, (done, total) => `${bar(what, done, total)} ${done} of ${total}`, use);
}

/** The same with how many it is a second, and how long the rest takes at that rate. @param unit what is counted, e.g. "bytes" */
export async function withRate<T>(
  shown: Shown,
  what: string,
  unit: string,
  use: (progress: Progress) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const line = (done: number, total: number): string => {
    const rate = done / Math.max((performance.now() - started) / 1000, 0.001);
    const left = rate === 0 ? '' : `, ${Math.ceil((total - done) / rate)} s left`;
    return `${bar(what, done, total)} ${done} of ${total} ${unit}, ${Math.round(rate)}/s${left}`;
  };
  return withLine(shown, line, use);
}

async function withLine<T>(
  shown: Shown,
  line: (done: number, total: number) => string,
  use: (progress: Progress) => Promise<T>,
): Promise<T> {
  const { show, end } = progressLine(shown);
  try {
    return await use((done, total) => show(() => line(done, total), done >= total));
  } finally {
    end();
  }
}

export interface ProgressLine {
  /** Shows a line in the place of the one before, unless that came just now. @param always also then */
  readonly show: (line: () => string, always: boolean) => void;
  /** Takes it away. */
  readonly end: () => void;
}

/** One that a signal takes away, too, before it ends the command. */
export function progressLine({ terminal, format }: Shown): ProgressLine {
  if (format !== 'table') return { show: () => undefined, end: () => undefined };
  let last = -Infinity;
  let stop = (): void => undefined;
  const end = (): void => {
    if (last === -Infinity) return;
    last = -Infinity;
    stop();
    terminal.progress(null);
  };
  return {
    end,
    show(line, always) {
      const now = performance.now();
      if (now - last < MS_BETWEEN && !always) return;
      if (last === -Infinity) stop = beforeEnding(end);
      last = now;
      terminal.progress((width) => line().slice(0, width));
    },
  };
}

/** No eye sees more of them. */
const MS_BETWEEN = 40;

function bar(what: string, done: number, total: number): string {
  const part = total === 0 ? 1 : done / total;
  const full = Math.floor(part * BAR_WIDTH);
  return `${what} [${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}] ${Math.floor(part * 100)}%`;
}
