import { type Chosen, type SealTrial, testSeal, type TokenDescription, type Trial } from '../../../core/index.ts';
import type { CofferError } from '../../../errors.ts';
import type { JsonObject } from '../../../json.ts';
import { command } from '../../command.ts';
import { printObject } from '../../output.ts';
import { columns } from '../../table.ts';
import { FORCE, RETRY_PIN } from '../login-flags.ts';
import { describeToken } from './slots.ts';

const HSM_SAYS_NO = 3;

export const testCommand = command('hsm test', {
  summary: 'try every mechanism that the configured keys could use, and what coffer chooses',
  flags: { ...FORCE, ...RETRY_PIN },
  examples: ['coffer hsm test', 'coffer hsm test -format=json'],
  async run(invocation) {
    const { flags } = invocation;
    const tested = await testSeal(await invocation.context({ forceLogin: flags.force, retryPin: flags['retry-pin'] }));
    await printObject(invocation, describe(tested), () => trialTable(tested));
    const errors = trialErrors(tested);
    invocation.terminal.errors(errors);
    const anchor = anchorVerdict(tested);
    if (anchor.note !== null) invocation.terminal.note(anchor.note);
    return errors.length === 0 && anchor.works ? 0 : HSM_SAYS_NO;
  },
});

/** What the trials say of data objects, where the stanza asks for an anchor. */
function anchorVerdict({ trials }: SealTrial): { readonly works: boolean; readonly note: string | null } {
  const refuses = (call: string): boolean => trials.some(({ what, result }) => what === call && result !== 'ok');
  if (refuses('C_CreateObject'))
    return { works: false, note: 'this token keeps no data objects, which an anchor is: set anchor = "off"' };
  if (!refuses('C_SetAttributeValue')) return { works: true, note: null };
  if (!refuses('C_DestroyObject'))
    return {
      works: true,
      note: 'this token does not let data objects be changed, so that an anchor is made anew with every change',
    };
  const note = 'this token lets a data object, which an anchor is, be neither changed nor removed: set anchor = "off"';
  return { works: false, note };
}

/** Why coffer could choose no mechanism for one of the keys. */
export function trialErrors({ wrapping, hmac }: SealTrial): readonly CofferError[] {
  return [wrapping, hmac].flatMap((chosen) => (chosen?.error == null ? [] : [chosen.error]));
}

export function trialTable({ trials, wrapping, hmac }: SealTrial): string {
  const rows = trials.map(({ what, purpose, keyLabel, result, reason, milliseconds }) => [
    what,
    purpose,
    keyLabel ?? '-',
    reason === null ? result : `${result} (${reason})`,
    time(milliseconds),
  ]);
  const chosen = [
    ['Wrapping', ...chosenCells(wrapping)],
    ['HMAC', ...(hmac === null ? ['none', '-', '-', '-'] : chosenCells(hmac))],
  ];
  return [
    columns(['Mechanism', 'Purpose', 'Key', 'Result', 'Milliseconds'], rows),
    '',
    columns(['Chosen For', 'Mechanism', 'Key', 'Result', 'Milliseconds'], chosen),
  ].join('\n');
}

function chosenCells({ mechanism, keyLabel, error, milliseconds }: Chosen): string[] {
  return [mechanism ?? '-', keyLabel ?? '-', error === null ? 'ok' : `failed (${error.code})`, time(milliseconds)];
}

function time(milliseconds: number): string {
  return milliseconds.toFixed(1);
}

function describe({ token, trials, wrapping, hmac }: SealTrial & { readonly token: TokenDescription }): JsonObject {
  return {
    token: describeToken(token),
    trials: trials.map(describeTrial),
    chosen: { wrapping: describeChosen(wrapping), hmac: hmac === null ? null : describeChosen(hmac) },
  };
}

function describeTrial({ what, purpose, keyLabel, result, reason, milliseconds }: Trial): JsonObject {
  return { mechanism: what, purpose, key_label: keyLabel, result, reason, milliseconds: rounded(milliseconds) };
}

function describeChosen({ mechanism, keyLabel, error, milliseconds }: Chosen): JsonObject {
  return {
    mechanism,
    key_label: keyLabel,
    ok: error === null,
    error: error?.message ?? null,
    milliseconds: rounded(milliseconds),
  };
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
