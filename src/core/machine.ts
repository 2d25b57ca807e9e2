import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { StoreError } from '../errors.ts';
import { loadGuard } from '../native/guard.ts';

/** What a lease is bound to, and what it is timed with. */
export interface Machine {
  /** Differs after every boot and on every other machine. */
  readonly bootId: string;
  /** What a store calls this machine, which does not tell its machine id: 32 hexadecimal digits. */
  readonly id: string;
  /** Milliseconds since the boot, suspension included; setting the clock does not change it. */
  readonly uptime: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The login name, for the record of who unsealed. */
  readonly user: string;
}

/** @throws StoreError `no_boot_id` where the operating system does not tell */
export function thisMachine(): Machine {
  boot ??= bootId();
  return {
    bootId: boot,
    get id() {
      return (id ??= machineId());
    },
    uptime: Math.round(uptime() * 1000),
    now: Date.now(),
    // Where users are on the network it takes its time, and only a lease that is written says who.
    get user() {
      return (login ??= user());
    },
  };
}

/** What stays as it is while a process runs. */
let boot: string | null = null;
let login: string | null = null;
let id: string | null = null;

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    const problem = 'cannot read /proc/sys/kernel/random/boot_id, which an unsealed store is bound to';
    throw new StoreError('no_boot_id', problem, {
      hint: 'coffer needs Linux with /proc mounted',
      cause: error,
    });
  }
}

const PURPOSE = 'coffer machine v1';
const ID_DIGITS = 32;
/** Where an image has none, or has none yet: all such machines are one. */
const NO_MACHINE_ID = '0'.repeat(32);

/** HMAC-SHA256 (RFC 2104) with the machine id as its key, cut to 16 bytes, as machine-id(5) asks of whoever stores one. */
function machineId(): string {
  const key = Buffer.from(readMachineId(), 'hex');
  return createHmac('sha256', key).update(PURPOSE).digest('hex').slice(0, ID_DIGITS);
}

function readMachineId(): string {
  try {
    const text = readFileSync('/etc/machine-id', 'latin1').trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : NO_MACHINE_ID;
  } catch {
    return NO_MACHINE_ID;
  }
}

function user(): string {
  // A user id may have no name, as in some containers.
  return loadGuard().account()?.name ?? String(process.getuid?.() ?? 'unknown');
}
