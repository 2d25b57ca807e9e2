import { type Check, type Context, diagnose } from '../../core/index.ts';
import { counted } from '../../counted.ts';
import type { JsonObject } from '../../json.ts';
import { visible } from '../../visible.ts';
import { command } from '../command.ts';
import { printObject } from '../output.ts';
import { withProgress } from '../progress.ts';
import { hintText } from '../remedies.ts';
import { FORCE } from './login-flags.ts';

export const diagnoseCommand = command('operator diagnose', {
  alias: 'diagnose',
  summary: 'check configuration, files, HSM, keys and store, with a remedy for what is wrong',
  flags: {
    deep: { kind: 'boolean', help: 'open every value too, a seal-wrapped one with a trip to the HSM' },
    ...FORCE,
  },
  examples: ['coffer operator diagnose', 'coffer operator diagnose -deep -format=json'],
  async run(invocation) {
    const { flags } = invocation;
    const load = (): Promise<Context> => invocation.context({ forceLogin: flags.force });
    const checks = flags.deep
      ? await withProgress(invocation, 'Opening values', (progress) => diagnose(load, progress))
      : await diagnose(load, null);
    const status = checks.reduce((worst, { exitStatus }) => Math.max(worst, exitStatus ?? 0), 0);
    const count = (kind: Check['status']): number => checks.filter((check) => check.status === kind).length;
    const found = [counted(count('warning'), 'warning'), counted(count('failure'), 'failure')];
    const summary = `${count('ok')} ok, ${found.join(', ')}, ${count('skipped')} skipped`;
    const object = {
      checks: checks.map(describe),
      ok: count('ok'),
      warnings: count('warning'),
      failures: count('failure'),
      skipped: count('skipped'),
    };
    await printObject(invocation, object, () => [...checks.map(line), '', summary].join('\n'));
    return status;
  },
});

function describe({ name, status, message, remedy, exitStatus }: Check): JsonObject {
  return { name, status, message, remedy: remedy === null ? null : hintText(remedy), exit_status: exitStatus };
}

const MARKS = { ok: '[ ok ]', warning: '[warn]', failure: '[FAIL]', skipped: '[skip]' } as const;

function line({ name, status, message, remedy }: Check): string {
  const advice = remedy === null || status === 'ok' ? [] : hintText(remedy).split('\n');
  return [`${MARKS[status]} ${name}: ${visible(message)}`, ...advice.map((part) => `         ${part}`)].join('\n');
}
