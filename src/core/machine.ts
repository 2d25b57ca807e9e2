import { readFileSync } from 'node:fs';
import { uptime, userInfo } from 'node:os';
import { StoreError } from '../errors.ts';

/** What a lease is bound to, and what it is timed with. */
export interface Machine {
  /** Differs after every boot and on every other machine. */
  readonly bootId: string;
  /** Milliseconds since the boot, suspension included; setting the clock does not change it. */
  readonly uptime: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The login name, for the record of who unsealed. */
  readonly user: string;
}

/** @throws StoreError `no_boot_id` where the operating system does not tell */
export function thisMachine(): Machine {
  lasting ??= { bootId: bootId(), user: user() };
  return { ...lasting, uptime: Math.round(uptime() * 1000), now: Date.now() };
}

/** What stays as it is while a process runs. */
let lasting: Pick<Machine, 'bootId' | 'user'> | null = null;

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    throw new StoreError(
      'no_boot_id',
      'cannot read /proc/sys/kernel/random/boot_id, which an unsealed store is bound to',
      {
        hint: 'coffer needs Linux with /proc mounted',
        cause: error,
      },
    );
  }
}

function user(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown'); // a user id without a name, as in some containers
  }
}
