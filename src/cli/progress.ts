import type { Invocation } from './command.ts';
import { beforeEnding } from './endings.ts';

/** What is between the brackets of a bar where there is room, and the least that is worth them. */
const WIDEST_BAR = 30;
const NARROWEST_BAR = 4;

type Shown = Pick<Invocation, 'terminal' | 'format'>;
type Progress = (done: number, total: number) => void;

/** Runs `use` with a progress bar on the terminal, if there is one and it is not JSON or YAML that is wanted. */
export async function withProgress<T>(shown: Shown, what: string, use: (progress: Progress) => Promise<T>): Promise<T> {
  return withLine(shown, what, (done, total) => `${done} of ${total}`, use);
}

/** The same with how many it is a second, and how long the rest takes at that rate. @param unit what is counted, e.g. "bytes" */
export async function withRate<T>(
  shown: Shown,
  what: string,
  unit: string,
  use: (progress: Progress) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const count = (done: number, total: number): string => {
    const rate = done / Math.max((performance.now() - started) / 1000, 0.001);
    const left = rate === 0 ? '' : `, ${Math.ceil((total - done) / rate)} s left`;
    return `${done} of ${total} ${unit}, ${Math.round(rate)}/s${left}`;
  };
  return withLine(shown, what, count, use);
}

async function withLine<T>(
  shown: Shown,
  what: string,
  count: (done: number, total: number) => string,
  use: (progress: Progress) => Promise<T>,
): Promise<T> {
  const { show, end } = progressLine(shown);
  try {
    return await use((done, total) =>
      show((width) => bar(what, total === 0 ? 1 : done / total, count(done, total), width), done >= total),
    );
  } finally {
    end();
  }
}

export interface ProgressLine {
  /** Shows a line in the place of the one before, unless that came just now. @param always also then */
  readonly show: (line: (width: number) => string, always: boolean) => void;
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
      terminal.progress((width) => line(width).slice(0, width));
    },
  };
}

/** No eye sees more of them. */
const MS_BETWEEN = 40;

/** What gives way on a narrow terminal is the bar, and not what stands behind it. */
function bar(what: string, part: number, count: string, width: number): string {
  const percent = `${Math.floor(part * 100)}%`;
  const room = Math.min(WIDEST_BAR, width - `${what} [] ${percent} ${count}`.length);
  if (room < NARROWEST_BAR) return `${what} ${percent} ${count}`;
  const full = Math.floor(part * room);
  return `${what} [${'#'.repeat(full)}${'-'.repeat(room - full)}] ${percent} ${count}`;
}
