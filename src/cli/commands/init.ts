import { base64, hex } from '../../bytes.ts';
import { type Initialized, initStore, isInitialized } from '../../core/index.ts';
import { command, type Invocation } from '../command.ts';
import { printObject } from '../output.ts';
import { warnOfExposedKeys } from './exposed-keys.ts';
import type { Terminal } from '../terminal.ts';
import { FORCE } from './login-flags.ts';

const DEFAULT_SHARES = 5;
const DEFAULT_THRESHOLD = 3;

export const initCommand = command('init', {
  alias: 'operator init',
  summary: 'create the store and, where allowed, its keys in the HSM',
  flags: {
    'recovery-shares': {
      kind: 'integer',
      value: 'N',
      help: `recovery key shares to give out, 0 to 255 (${DEFAULT_SHARES})`,
    },
    'recovery-threshold': {
      kind: 'integer',
      value: 'N',
      help: `shares that make the recovery key (${DEFAULT_THRESHOLD})`,
    },
    status: { kind: 'boolean', help: 'only tell whether it was done: exit 0 if so, 2 if not' },
    ...FORCE,
  },
  examples: ['coffer init', 'coffer init -recovery-shares=1 -recovery-threshold=1 -format=json'],
  async run(invocation) {
    const { flags, terminal } = invocation;
    const context = await invocation.context({ forceLogin: flags.force });
    if (flags.status) return showStatus(invocation, await isInitialized(context));
    const shares = flags['recovery-shares'] ?? DEFAULT_SHARES;
    const threshold = flags['recovery-threshold'] ?? DEFAULT_THRESHOLD;
    await initStore(context, { shares, threshold }, async (made) => {
      for (const label of made.createdKeys) terminal.note(`created the key "${label}" in the HSM`);
      warnOfExposedKeys(terminal, made.exposedKeys);
      return prepared(invocation, (later) => show(later, made));
    });
  },
});

async function showStatus(invocation: Invocation, initialized: boolean): Promise<number> {
  await printObject(invocation, { initialized }, () => `the store is ${initialized ? '' : 'not '}initialised`);
  return initialized ? 0 : 2;
}

/** Runs `use` with a terminal that keeps what it prints for the function that comes back, which throws if nobody reads it. */
async function prepared(invocation: Invocation, use: (invocation: Invocation) => Promise<void>): Promise<() => void> {
  const { terminal } = invocation;
  const kept: (() => void)[] = [];
  const keeping: Terminal = {
    ...terminal,
    print: (text) => void kept.push(() => terminal.handOut(text)),
    printValue: (text) => void kept.push(() => terminal.handOutValue(text)),
    forgetNotes: () => void kept.push(() => terminal.forgetNotes()),
  };
  await use({ ...invocation, terminal: keeping });
  return () => kept.forEach((print) => print());
}

async function show(invocation: Invocation, { shares, threshold }: Initialized): Promise<void> {
  const object = {
    recovery_keys_b64: shares.map(base64),
    recovery_keys_hex: shares.map(hex),
    recovery_keys_shares: shares.length,
    recovery_keys_threshold: threshold,
  };
  await printObject(invocation, object, () => {
    const keys = shares.map((share, at) => `Recovery Key ${at + 1}: ${base64(share)}`);
    return [
      ...keys,
      ...(keys.length === 0 ? [] : ['']),
      'Success! The store is initialised. It is sealed; open it with: coffer unseal',
      '',
      advice(shares.length, threshold),
    ].join('\n');
  });
}

function advice(shares: number, threshold: number): string {
  if (shares === 0) return 'No recovery key was given out.';
  if (shares === 1) return 'The one share is the whole recovery key. Keep it in a safe place: it is shown only now.';
  return `The recovery key has ${shares} shares; ${threshold} of them ${threshold === 1 ? 'makes' : 'make'} it. Give them to different people\nand keep them apart: they are shown only now.`;
}
