import { keyStatus, type KeyStatus, keyStatusObject, rotate } from '../../core/index.ts';
import { command } from '../command.ts';
import { printObject } from '../output.ts';

export const rotateCommand = command('rotate', {
  alias: 'operator rotate',
  summary: 'encrypt what is written from now on under a new barrier key',
  examples: ['coffer operator rotate'],
  async run(invocation) {
    const status = await rotate(await invocation.context());
    await printObject(invocation, keyStatusObject(status), () => `Success! Rotated key\n\n${table(status)}`);
  },
});

export const keyStatusCommand = command('key-status', {
  alias: 'operator key-status',
  summary: 'tell the active barrier key, its age and how much it has encrypted',
  examples: ['coffer operator key-status', 'coffer key-status -format=json'],
  async run(invocation) {
    const status = await keyStatus(await invocation.context());
    await printObject(invocation, keyStatusObject(status), () => table(status));
  },
});

/** As Vault prints it: no headings, and the time as RFC 822 has it. */
function table({ term, installed, encryptions }: KeyStatus): string {
  const rows = [
    ['Key Term', String(term)],
    ['Install Time', rfc822(new Date(installed))],
    ['Encryption Count', String(encryptions)],
  ] as const;
  return rows.map(([name, value]) => name.padEnd('Encryption Count'.length + 4) + value).join('\n');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** To the minute, e.g. "02 Jan 06 15:04 UTC". */
function rfc822(time: Date): string {
  const two = (value: number): string => String(value % 100).padStart(2, '0');
  const day = `${two(time.getUTCDate())} ${MONTHS[time.getUTCMonth()] ?? ''} ${two(time.getUTCFullYear())}`;
  return `${day} ${two(time.getUTCHours())}:${two(time.getUTCMinutes())} UTC`;
}
