import { hex } from '../../bytes.ts';
import type { Pkcs11SealConfig } from '../../config/types.ts';
import type { KeyReference } from '../../hsm-keys.ts';
import { type Hint, HsmError } from '../../errors.ts';
import {
  CKK,
  describeName,
  EXPOSURE_TEXT,
  exposuresOf,
  howToChoose,
  isNamed,
  type KeyDetails,
  keyTypeName,
} from '../../pkcs11/index.ts';
import { type FormerKey, formerKeys, narrowed, type Role } from '../../seal/index.ts';
import type { Checklist } from './check.ts';

/** The key in use for a role, and what the checklist and the stanza call it. */
interface Wanted {
  readonly role: Role;
  readonly name: string;
  readonly option: 'key_label' | 'hmac_key_label';
  readonly reference: KeyReference;
}

/**
 * Every key object that the configuration names: whether it is there, alone of its name, fit for its use, and safe.
 * @param found every key object of the token
 * @param isNew whether there is no store yet, so that missing keys may be made
 * @returns the wrapping key, or null where there is none to try
 */
export function checkKeyObjects(
  config: Pkcs11SealConfig,
  found: readonly KeyDetails[],
  isNew: boolean,
  list: Checklist,
): KeyDetails | null {
  const keys = found.filter(({ class: keyClass }) => keyClass !== 'public');
  const makes = !isNew ? null : config.generateKey ? '`coffer init`' : '`coffer hsm keygen`';
  const check = (wanted: Wanted): KeyDetails | null => checkKey(wanted, keys, makes, list);
  const wrapping = check({ role: 'wrap', name: 'wrapping key', option: 'key_label', reference: config.key });
  const { hmacKey } = config;
  if (hmacKey === null) sayUnvouched(config, keys, isNew, list);
  else {
    const hmac = check({ role: 'hmac', name: 'HMAC key', option: 'hmac_key_label', reference: hmacKey });
    if (wrapping !== null && wrapping === hmac)
      list.warn('HMAC key', `"${hmac.label}" is the wrapping key too`, [
        'one key should serve one purpose: ',
        another('hmac_key_label'),
      ]);
  }
  for (const former of formerKeys(config)) checkFormer(former, keys, list);
  return wrapping;
}

/** The one key that fits, or null. @param makes the command that makes it where it may be made */
function checkKey(use: Wanted, keys: readonly KeyDetails[], makes: string | null, list: Checklist): KeyDetails | null {
  const { role, name, option, reference } = use;
  const found = withName(keys, role, reference);
  const [key] = found;
  const wanted = `${describeName(reference)} (${option})`;
  if (key === undefined) {
    const missing = `no key on the token has ${wanted}`;
    const listed = '`coffer hsm keys` lists what is there';
    const hint = makes === null ? goneHint(option) : `make it with ${makes}, or correct ${option}; ${listed}`;
    if (makes === '`coffer init`') list.warn(name, missing, `${makes} will make it`);
    else list.fail(name, new HsmError('key_not_found', missing, { hint }));
    return null;
  }
  if (found.length > 1) {
    list.fail(name, new HsmError('key_ambiguous', `${found.length} keys have ${wanted}`, { hint: howToChoose(found) }));
    return null;
  }
  const unfit = role === 'wrap' ? unfitToWrap(key) : unfitForHmac(key);
  if (unfit !== null) {
    list.fail(name, new HsmError('key_use', `the key "${key.label}" ${unfit}`, { hint: another(option) }));
    return null;
  }
  const exposed = exposedAs(key);
  if (exposed === null) list.ok(name, described(key));
  else list.warn(name, `the key "${key.label}" ${exposed}`, another(option));
  return key;
}

/** A key before those in use opens what claims to be under it, whoever wrote that: it is to be as safe as they are. */
function checkFormer(former: FormerKey, keys: readonly KeyDetails[], list: Checklist): void {
  const { role, reference, parameter, isDefault } = former;
  const name = `${isDefault ? 'default' : 'previous'} ${role === 'wrap' ? 'wrapping key' : 'HMAC key'}`;
  const found = withName(keys, role, reference);
  const wanted = `${describeName(reference)} (${parameter})`;
  if (found.length === 0 && !isDefault) list.warn(name, `no key on the token has ${wanted}`, NO_LONGER_NAMED);
  if (found.length > 1)
    list.warn(name, `${found.length} keys have ${wanted}, so that nothing opens with it`, howToChoose(found));
  for (const key of found) {
    const exposed = exposedAs(key);
    if (exposed !== null) list.warn(name, `the key "${key.label}" (${parameter}) ${exposed}`, MOVE_AWAY);
    else if (found.length === 1) list.ok(name, described(key));
  }
}

/** What nobody vouches for without an HMAC key: an RSA key, in use or former, authenticates nothing. */
function sayUnvouched(config: Pkcs11SealConfig, keys: readonly KeyDetails[], isNew: boolean, list: Checklist): void {
  const former = formerKeys(config).flatMap(({ role, reference }) => (role === 'wrap' ? [reference] : []));
  const rsa = [config.key, ...former]
    .flatMap((reference) => withName(keys, 'wrap', reference))
    .find(({ class: keyClass }) => keyClass === 'private');
  if (rsa === undefined) {
    list.ok('HMAC key', 'none is configured: AES-GCM under the wrapping key alone authenticates records');
    return;
  }
  const remedy = isNew
    ? 'name one in hmac_key_label before `coffer init`'
    : 'coffer-config(5) says under "Changing the HMAC key" how a store gets one: with hmac_key_label alone, every record of now counts as tampered with';
  list.warn(
    'HMAC key',
    `none is configured, and "${rsa.label}" is an RSA key: whoever has its public key can put a whole other store in the place of yours, and it opens`,
    remedy,
  );
}

function withName(keys: readonly KeyDetails[], role: Role, reference: KeyReference): KeyDetails[] {
  const named = keys.filter((key) => isNamed(key, reference));
  return narrowed(role, named);
}

function exposedAs(key: KeyDetails): string | null {
  const exposures = exposuresOf(key).map((exposure) => EXPOSURE_TEXT[exposure]);
  return exposures.length === 0 ? null : exposures.join('; it ');
}

function described({ label, typeName, bits, id }: KeyDetails): string {
  return `"${label}", ${typeName}${bits === null ? '' : ` of ${bits} bits`}, id ${hex(id)}`;
}

/** One whose type the token does not tell is fit, as far as can be said; the trial shows it. */
function unfitToWrap({ class: keyClass, type, typeName, attributes }: KeyDetails): string | null {
  const isAes = keyClass === 'secret' && (type === null || type === CKK.AES);
  const isRsa = keyClass === 'private' && (type === null || type === CKK.RSA);
  if (!isAes && !isRsa) return `is a ${keyClass} key of type ${typeName}, and not AES or RSA`;
  if (attributes.decrypt === false) return 'may not decrypt (CKA_DECRYPT is false)';
  return isAes && attributes.encrypt === false ? 'may not encrypt (CKA_ENCRYPT is false)' : null;
}

function unfitForHmac({ class: keyClass, type, attributes }: KeyDetails): string | null {
  if (keyClass !== 'secret') return `is a ${keyClass} key of type ${keyTypeName(type)}, and not a generic secret`;
  return attributes.sign === false ? 'may not sign (CKA_SIGN is false)' : null;
}

/** How a key is followed by another without a record that no key opens in between. */
function another(option: Wanted['option']): Hint {
  return [
    `name another key in ${option}, one that only this HSM has and only a login can use, as \``,
    { remedy: option === 'key_label' ? 'make-key-named' : 'make-hmac-key-named' },
    '` makes it, and this one in ' +
      `previous_${option} (or previous_${option.replace('label', 'id')}), so that what was made with it still opens. ` +
      '`coffer sealwrap rewrap` then moves that to the new key, and `coffer sealwrap status` says when the old one is needed no more',
  ];
}

/** A key that is made anew under the old name opens nothing, and is in the way of the true one. */
function goneHint(option: Wanted['option']): string {
  return `correct ${option} (\`coffer hsm keys\` lists what is there), or bring the key back from the HSM's own backup: a key made anew under this name opens nothing that the one before it made`;
}

const NO_LONGER_NAMED =
  'Take it out of the seal stanza when `coffer sealwrap status` says that nothing needs it, and no backup under it is wanted any more';
const MOVE_AWAY = `move what is under it to the key in use with \`coffer sealwrap rewrap\`. ${NO_LONGER_NAMED}`;
