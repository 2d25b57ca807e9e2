import { counted } from '../../counted.ts';
import { HsmEntropy } from '../../entropy/index.ts';
import { CKF, listMechanisms, type Session, surveyModule, type TokenDescription } from '../../pkcs11/index.ts';
import { HsmError } from '../../errors.ts';
import type { Pkcs11Seal } from '../../seal/index.ts';
import { tryKeys } from '../../seal/trial.ts';
import { type Context, moduleOptions } from '../context.ts';
import type { Checklist } from './check.ts';
import { checkKeyObjects } from './keys.ts';

/** The module and the token, before any login. False where a login makes no sense. */
export async function checkToken({ config: { seal } }: Context, list: Checklist): Promise<boolean> {
  const options = moduleOptions(seal);
  const survey = await list.attempt(
    'module',
    () => surveyModule(options),
    ({ info }) =>
      `${seal.lib}: ${info.description || info.manufacturer} ${info.libraryVersion}, PKCS#11 ${info.cryptokiVersion}`,
  );
  if (survey === null) {
    list.skip(['token', ...AFTER_TOKEN], 'the module does not work');
    return false;
  }
  const found = await list.attempt(
    'token',
    async () => withMechanisms(await listMechanisms(options, seal.token)),
    ({ token, mechanisms }) =>
      `"${token.label}" in slot ${token.slot}, serial ${token.serial}, ${counted(mechanisms.length, 'mechanism')}`,
  );
  if (found === null) list.skip(AFTER_TOKEN, 'there is no token that can serve');
  else if ((found.token.flags & CKF.WRITE_PROTECTED) !== 0 && seal.forceRwSession)
    warnWriteProtected(found.token, list);
  return found !== null;
}

type Found = Awaited<ReturnType<typeof listMechanisms>>;

/** A token without mechanisms, such as a store of certificates, opens nothing, and is to be sent no PIN. @throws HsmError `mechanism_refused` */
function withMechanisms(found: Found): Found {
  if (found.mechanisms.length > 0) return found;
  const { label, slot } = found.token;
  throw new HsmError(
    'mechanism_refused',
    `the token "${label}" in slot ${slot} has no mechanisms, so that it can keep no key in use`,
    {
      hint: 'name another token (token_label, slot, serial) or another module (lib); `coffer hsm slots` lists the tokens of this one',
    },
  );
}

/** What needs a login. */
export const AFTER_LOGIN = ['wrapping key', 'HMAC key', 'wrapping', 'HMAC', 'random numbers'];
const AFTER_TOKEN = ['login', ...AFTER_LOGIN];

function warnWriteProtected(token: TokenDescription, list: Checklist): void {
  list.warn(
    'session',
    `the token "${token.label}" is write-protected, and force_rw_session wants to write`,
    'take force_rw_session out of the seal stanza',
  );
}

/** The keys, a round trip with each, and the generator. @param isNew whether there is no store yet, so that missing keys may be made */
export async function checkKeys(
  context: Context,
  seal: Pkcs11Seal,
  session: Session,
  isNew: boolean,
  list: Checklist,
): Promise<void> {
  const { seal: config, entropyAugmentation } = context.config;
  const wrapping = checkKeyObjects(config, session.listKeys(), isNew, list);
  if (wrapping === null) {
    list.skip(['wrapping', 'HMAC'], 'there is no key to try');
  } else {
    const trial = await tryKeys(config, seal, session);
    for (const [name, chosen] of Object.entries({ wrapping: trial.wrapping, HMAC: trial.hmac })) {
      if (chosen === null) list.skip([name], 'no HMAC key is configured');
      else if (chosen.error !== null) list.fail(name, chosen.error);
      else
        list.ok(
          name,
          `${chosen.mechanism ?? ''} with "${chosen.keyLabel ?? ''}", ${chosen.milliseconds.toFixed(1)} ms there and back`,
        );
    }
  }
  if (!entropyAugmentation) {
    list.ok('random numbers', 'the configuration has no entropy stanza, so the system generator is used alone');
    return;
  }
  await list.attempt(
    'random numbers',
    () => new HsmEntropy(async (length) => session.random(length)).bytes(1024),
    () => "the HSM's generator passes the health tests",
  );
}
