import type { Hint, Remedy } from '../errors.ts';

/**
 * A hint as the operator reads it, with the names of flags.
 * @param words how this command spells what can be done
 */
export function hintText(hint: Hint, words = REMEDIES): string {
  if (typeof hint === 'string') return hint;
  if ('remedy' in hint) return words[hint.remedy];
  return hint
    .map((part) => hintText(part, words))
    .join('')
    .trim();
}

const REMEDIES: Readonly<Record<Remedy, string>> = {
  'accept-copy': 'accept it with: coffer operator verify -accept',
  'accept-unvouched': '-force',
  'choose-configuration': 'name one with -config=PATH',
  'choose-id': 'choose another -id',
  'choose-key-size':
    "the token makes no key of this size: choose another (-bits), or create it with the HSM's own tool",
  'choose-label': 'choose another -label, or give an -id=HEX of its own',
  'choose-mount-path': 'choose another with -path=NAME',
  'choose-recovery-shares': 'for example -recovery-shares=5 -recovery-threshold=3, or both 0 for none',
  'choose-slot': 'choose one with -slot',
  'choose-slot-shown': 'choose one of these with -slot',
  'choose-versions': 'give -versions=1,2',
  'correct-configuration': 'write the file or correct -config',
  'enable-mount': 'enable one with: coffer secrets enable -path=NAME kv',
  'erase-slot': 'to erase one, name its slot with -slot',
  'example-mount-path': 'for example: -path=team/kv',
  'force-login': 'log in once with: coffer hsm test -force',
  'make-hmac-key-named': 'coffer hsm keygen -type=hmac -label=NAME',
  'make-key-named': 'coffer hsm keygen -label=NAME',
  'match-version': 'give -cas=',
  'move-configuration': 'name a place that you may write to with -config=PATH',
  'other-configuration': 'name another with -config=PATH',
  'retry-pin': 'send it once with: coffer hsm test -retry-pin',
  'retry-so-pin': 'send it once by adding -retry-pin',
  'same-configuration': ' and the same -config',
  'see-altered': 'see what is altered with: coffer operator diagnose -deep',
  'shorten-key-name':
    'a label or id is too long, or of a form that this token does not take: use a shorter one (key_label, hmac_key_label, -label, -id)',
  'wrap-mount': 'a mount is wrapped by the HSM only if it was enabled with -seal-wrap',
  'write-without-data': 'coffer write -f',
};

/** As `coffer write` and its like spell it, which give an engine its data as it is. */
export const IN_DATA: typeof REMEDIES = {
  ...REMEDIES,
  'choose-versions': 'give versions=1,2',
  'match-version': 'set cas in options to ',
};
