import { HsmError } from '../../errors.ts';
import { testedEntropy } from '../../entropy/index.ts';
import { CKF, EXPOSURE_TEXT, exposuresOf, isNamed, keyTypeName, listMechanisms, surveyModule } from '../../pkcs11/index.ts';
import type { KeyDetails, Session, TokenDescription } from '../../pkcs11/index.ts';
import type { KeyReference } from '../../config/types.ts';
import { hex } from '../../bytes.ts';
import { narrowed } from '../../seal/index.ts';
import type { Pkcs11Seal } from '../../seal/index.ts';
import { tryKeys } from '../../seal/trial.ts';
import { moduleOptions } from '../context.ts';
import type { Context } from '../context.ts';
import type { Checklist } from './check.ts';

/** The module and the token, before any login. False where a login makes no sense. */
export async function checkToken({ config: { seal } }: Context, list: Checklist): Promise<boolean> {
  const options = moduleOptions(seal);
  const survey = await list.attempt(
    'module',
    () => surveyModule(options),
    ({ info }) => `${seal.lib}: ${info.description || info.manufacturer} ${info.libraryVersion}, PKCS#11 ${info.cryptokiVersion}`,
  );
  if (survey === null) {
    list.skip(['token', ...AFTER_TOKEN], 'the module does not work');
    return false;
  }
  const found = await list.attempt(
    'token',
    () => listMechanisms(options, seal.token),
    ({ token, mechanisms }) => `"${token.label}" in slot ${token.slot}, serial ${token.serial}, ${mechanisms.length} mechanisms`,
  );
  if (found === null) list.skip(AFTER_TOKEN, 'the token was not found');
  else if ((found.token.flags & CKF.WRITE_PROTECTED) !== 0 && seal.forceRwSession) warnWriteProtected(found.token, list);
  return found !== null;
}

/** What needs a login. */
export const AFTER_LOGIN = ['wrapping key', 'HMAC key', 'wrapping', 'HMAC', 'random numbers'];
const AFTER_TOKEN = ['login', ...AFTER_LOGIN];

function warnWriteProtected(token: TokenDescription, list: Checklist): void {
  list.warn('session', `the token "${token.label}" is write-protected, and force_rw_session wants to write`, 'take force_rw_session out of the seal stanza');
}

/** The keys, a round trip with each, and the generator. `initialized`: whether missing keys are a failure. */
export async function checkKeys(context: Context, seal: Pkcs11Seal, session: Session, initialized: boolean, list: Checklist): Promise<void> {
  const { seal: config, entropyAugmentation } = context.config;
  const keys = session.listKeys().filter(({ class: keyClass }) => keyClass !== 'public');
  const whenMissing: WhenMissing = initialized ? 'lost' : config.generateKey ? 'init makes it' : 'to be made';
  const wrapping = checkKey('wrapping key', 'key_label', config.key, keys, whenMissing, list, suitsWrapping);
  const hmac =
    config.hmacKey === null
      ? noHmacKey(list)
      : checkKey('HMAC key', 'hmac_key_label', config.hmacKey, keys, whenMissing, list, suitsHmac);
  if (wrapping !== null && hmac !== null && wrapping === hmac) {
    list.warn('HMAC key', `"${hmac.label}" is the wrapping key too`, 'name a key of its own in hmac_key_label: one key should serve one purpose');
  }
  if (wrapping === null) {
    list.skip(['wrapping', 'HMAC'], 'there is no key to try');
  } else {
    const trial = await tryKeys(config, seal, session);
    for (const [name, chosen] of [['wrapping', trial.wrapping], ['HMAC', trial.hmac]] as const) {
      if (chosen === null) list.skip([name], 'no HMAC key is configured');
      else if (chosen.error !== null) list.fail(name, chosen.error);
      else list.ok(name, `${chosen.mechanism ?? ''} with "${chosen.keyLabel ?? ''}", ${chosen.milliseconds.toFixed(1)} ms there and back`);
    }
  }
  if (!entropyAugmentation) {
    list.ok('random numbers', 'the configuration has no entropy stanza, so the system generator is used alone');
    return;
  }
  await list.attempt('random numbers', () => testedEntropy(async (length) => session.random(length)).bytes(1024), () => 'the HSM\'s generator passes the health tests');
}

function noHmacKey(list: Checklist): null {
  list.ok('HMAC key', 'none is configured');
  return null;
}

/** What a key means that is not there: under a store that was made with it, it is lost, and no new one takes its place. */
type WhenMissing = 'init makes it' | 'to be made' | 'lost';

/** The one key that fits, or null. */
function checkKey(
  name: string,
  option: string,
  reference: KeyReference,
  keys: readonly KeyDetails[],
  whenMissing: WhenMissing,
  list: Checklist,
  suits: (key: KeyDetails) => string | null,
): KeyDetails | null {
  const found = narrowed(name === 'HMAC key' ? 'hmac' : 'wrap', keys.filter((key) => isNamed(key, reference)));
  const [key, ...others] = found;
  if (key === undefined) {
    const missing = `no key on the token has ${wanted(reference)} (${option})`;
    if (whenMissing === 'init makes it') list.warn(name, missing, '`coffer init` will make it');
    else list.fail(name, new HsmError('key_not_found', missing, { hint: whenMissing === 'lost' ? lost(option) : `make it with \`coffer hsm keygen\`, or correct ${option}; \`coffer hsm keys\` lists what is there` }));
    return null;
  }
  if (others.length > 0) {
    list.fail(name, new HsmError('key_ambiguous', `${found.length} keys have ${wanted(reference)} (${option})`, {
      hint: `set ${option.replace('label', 'id')} to one of: ${found.map(({ id }) => hex(id)).join(', ')}`,
    }));
    return null;
  }
  const unfit = suits(key);
  if (unfit !== null) {
    list.fail(name, new HsmError('key_use', `the key "${key.label}" ${unfit}`, { hint: `name another in ${option}, or make one with: coffer hsm keygen` }));
    return null;
  }
  const exposed = exposuresOf(key).map((exposure) => EXPOSURE_TEXT[exposure]);
  if (exposed.length === 0) list.ok(name, `"${key.label}", ${key.typeName}${key.bits === null ? '' : ` of ${key.bits} bits`}, id ${hex(key.id)}`);
  else list.warn(name, `the key "${key.label}" ${exposed.join('; it ')}`, SAFER_KEY);
  return key;
}

function lost(option: string): string {
  return `is this the right token, and ${option} right? \`coffer hsm keys\` lists what is there. If the key was deleted, restore it from the HSM's backup: a new one would not open the store`;
}

function suitsWrapping({ class: keyClass, typeName, attributes }: KeyDetails): string | null {
  const isAes = keyClass === 'secret' && typeName === 'AES';
  const isRsa = keyClass === 'private' && typeName === 'RSA';
  if (!isAes && !isRsa) return `is a ${keyClass} key of type ${typeName}, and not AES or RSA`;
  if (attributes.decrypt === false) return 'may not decrypt (CKA_DECRYPT is false)';
  return isAes && attributes.encrypt === false ? 'may not encrypt (CKA_ENCRYPT is false)' : null;
}

function suitsHmac({ class: keyClass, type, attributes }: KeyDetails): string | null {
  if (keyClass !== 'secret') return `is a ${keyClass} key of type ${keyTypeName(type)}, and not a generic secret`;
  return attributes.sign === false ? 'may not sign (CKA_SIGN is false)' : null;
}

const SAFER_KEY =
  'make another with `coffer hsm keygen`, which only this HSM has and only a login can use, name it, and run: coffer sealwrap rewrap';

function wanted({ label, id }: KeyReference): string {
  return [...(label === null ? [] : [`label "${label}"`]), ...(id === null ? [] : [`id ${hex(id)}`])].join(' and ');
}
