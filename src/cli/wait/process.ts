import type { ChildProcess } from 'node:child_process';
import { TRY_VARIABLE } from '../../config/index.ts';
import { HsmError } from '../../errors.ts';
import { heededSignals } from '../../heeded-signals.ts';
import { givenEnvironment } from '../../native/environment.ts';
import { ownProgram } from '../own-program.ts';
import { parseReport, type Report } from './report.ts';

/** How a try ended. */
export interface Ended {
  readonly reports: readonly Report[];
  /** Why it was ended from here: it used up its time, or there was no more of it. Null where it ended by itself. */
  readonly killed: 'bound' | 'deadline' | null;
  /** "exit status 1" or the name of a signal. */
  readonly how: string;
}

export interface Bounds {
  /** The longest that a try may take to its login; milliseconds. */
  readonly bound: number;
  /** The longest for the login, and from there to its end. */
  readonly fromLogin: number;
  /** Milliseconds until no more time is left for a try that has not come to its login. */
  readonly left: number;
}

/**
 * Runs the program itself as a process of its own and collects its reports. Throws HsmError `try_not_started`. It has no stdin and no terminal, and leads a
 * group, so that whatever it started is ended with it. What ends this process by a signal ends it, too.
 */
export async function runTry(args: readonly string[], { bound, fromLogin, left }: Bounds): Promise<Ended> {
  const { spawn } = await import('node:child_process');
  const program = ownProgram(args);
  const child = spawn(program.file, program.args, {
    detached: true,
    env: { ...givenEnvironment(), [TRY_VARIABLE]: String(REPORTS) },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const stopForwarding = forwardSignals(child);
  const reports: Report[] = [];
  let killed: Ended['killed'] = null;
  const kill = (why: 'bound' | 'deadline'): void => {
    killed = why;
    signalGroup(child, 'SIGKILL');
  };
  let timer = setTimeout(() => kill(left < bound ? 'deadline' : 'bound'), Math.min(bound, left));
  const ended = collect(child, (report) => {
    reports.push(report);
    // A process that is killed while it logs in may have spent a try, so it gets its time even after the deadline.
    if (report.kind !== 'login' && report.kind !== 'logged-in') return;
    clearTimeout(timer);
    timer = setTimeout(() => kill('bound'), fromLogin);
  });
  try {
    const how = await ended;
    return { reports, killed, how };
  } finally {
    clearTimeout(timer);
    stopForwarding();
  }
}

/** The first descriptor after stdin, stdout and stderr. */
const REPORTS = 3;
/** What a process wrote before it ended is there at once; a process that it left behind may hold the pipe open. */
const DRAIN_MS = 1000;
/** How long a process may take to end when it is asked to, before it is killed. */
const GRACE_MS = 2000;

/** Reads reports until the process has ended; how it did. */
async function collect(child: ChildProcess, take: (report: Report) => void): Promise<string> {
  const pipe = child.stdio[REPORTS];
  let text = '';
  const drained = new Promise<void>((resolve) => {
    pipe?.on('data', (chunk: Buffer) => {
      const lines = `${text}${chunk.toString('utf8')}`.split('\n');
      text = lines.pop() ?? '';
      for (const report of lines.map(parseReport)) if (report !== null) take(report);
    });
    pipe?.on('close', resolve);
  });
  const how = await new Promise<string>((resolve, reject) => {
    child.on('error', (cause) =>
      reject(new HsmError('try_not_started', `cannot start a process to try the HSM in: ${cause.message}`, { cause })),
    );
    child.on('exit', (status, signal) => resolve(signal ?? `exit status ${String(status)}`));
  });
  const late = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
  await Promise.race([drained, late]);
  pipe?.destroy();
  return how;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Passes on what is to end this process, and then dies of it. Returns the function that stops this. */
function forwardSignals(child: ChildProcess): () => void {
  const signals = heededSignals(SIGNALS);
  const end = (signal: NodeJS.Signals): void => {
    signalGroup(child, signal);
    const impatient = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
    child.once('exit', () => {
      clearTimeout(impatient);
      stop();
      process.kill(process.pid, signal);
    });
  };
  const killNow = (): void => signalGroup(child, 'SIGKILL');
  const stop = (): void => {
    for (const signal of signals) process.off(signal, end);
    process.off('exit', killNow);
  };
  for (const signal of signals) process.on(signal, end);
  process.on('exit', killNow);
  return stop;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}
