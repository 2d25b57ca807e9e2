import { HsmError } from '../errors.ts';
import { CKF, CKU } from './constants.ts';
import { type Module, withModule } from './module.ts';
import { describeToken, slotHandle } from './tokens.ts';
import type { ModuleOptions, TokenDescription } from './types.ts';
import { ulongToBigint } from './ulong.ts';

/** Labels of tokens have 32 bytes, padded with blanks (PKCS#11 v2.40 section 5.5, C_InitToken). */
const LABEL_BYTES = 32;

export interface NewToken {
  /** At most 32 bytes of UTF-8. */
  readonly label: string;
  /** Both are empty where they are entered on the token's PIN pad. */
  readonly soPin: string;
  readonly pin: string;
}

/**
 * C_InitToken, which erases what is in the slot, then C_InitPIN as the security officer. The module is started anew in
 * between: SoftHSM gives a token its lasting slot number only then. Throws HsmError.
 * @returns the token with its PIN set
 */
export async function initToken(options: ModuleOptions, slot: bigint, { label, soPin, pin }: NewToken): Promise<TokenDescription> {
  const padded = label + ' '.repeat(LABEL_BYTES - Buffer.byteLength(label));
  const before = await withModule(options, async (module) => {
    const there = tokens(module);
    module.call('C_InitToken', (api) => api.C_InitToken(slotHandle(slot), soPin, padded), () => `slot ${slot}`);
    return there;
  });
  return withModule(options, async (module) => {
    const token = made(tokens(module), before, slot, label);
    const session = module.call('C_OpenSession', (api) => api.C_OpenSession(slotHandle(token.slot), CKF.SERIAL_SESSION | CKF.RW_SESSION));
    module.call('C_Login', (api) => api.C_Login(session, CKU.SO, soPin), () => 'security officer');
    module.call('C_InitPIN', (api) => api.C_InitPIN(session, pin));
    return describeToken(module, token.slot);
  });
}

function tokens(module: Module): TokenDescription[] {
  return module
    .call('C_GetSlotList', (api) => api.C_GetSlotList(true))
    .map((handle) => describeToken(module, ulongToBigint(handle)));
}

/**
 * The token of a serial number that was not there before, where slots were numbered anew, or the one in the slot. NSS says
 * that its token is initialised, and what its label is, only after C_InitPIN.
 */
function made(after: readonly TokenDescription[], before: readonly TokenDescription[], slot: bigint, label: string): TokenDescription {
  const inSlot = after.find((token) => token.slot === slot);
  const initialised = after.filter((token) => token.label === label && (token.flags & CKF.TOKEN_INITIALIZED) !== 0);
  const found =
    initialised.find((token) => !before.some(({ serial }) => serial === token.serial)) ??
    initialised.find((token) => token.slot === slot) ??
    (before.some(({ serial }) => serial === inSlot?.serial) ? inSlot : undefined);
  if (found !== undefined) return found;
  throw new HsmError('token_not_found', `the token "${label}" is not to be seen after C_InitToken in slot ${slot}`, {
    hint: 'look at the slots with: coffer hsm slots',
  });
}
