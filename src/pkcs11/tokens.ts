import type { TokenInfo } from 'pkcs11js';
import type { TokenSelector } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import { visible } from '../visible.ts';
import { CKF, CKR, returnValueName } from './constants.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import type { Module } from './module.ts';
import type { TokenDescription } from './types.ts';
import { slotHandle, ulongToBigint } from './ulong.ts';

/**
 * Finds the one token that matches every field set in `selector`. A slot number is asked for directly; without
 * one, each slot that has a token is asked once. Throws HsmError `token_not_found`, `token_ambiguous`,
 * `token_not_present` or `token_not_initialised`.
 */
export function findToken(module: Module, selector: TokenSelector): TokenDescription {
  const token = selector.slot === null ? search(module, selector) : inSlot(module, selector, selector.slot);
  if (!isInitialised(token)) {
    throw new HsmError('token_not_initialised', `the token in slot ${token.slot} is not initialised`, {
      hint: "initialise it with `coffer hsm init-token` or the HSM's own tool, or choose another token with slot or token_label",
    });
  }
  return token;
}

/** Whether somebody has given the token its label and PINs (CKF_TOKEN_INITIALIZED, PKCS#11 v2.40 section 3.2). */
export function isInitialised({ flags }: Pick<TokenDescription, 'flags'>): boolean {
  return (flags & CKF.TOKEN_INITIALIZED) !== 0;
}

function inSlot(module: Module, selector: TokenSelector, slot: bigint): TokenDescription {
  const token = tokenInSlot(module, slot);
  if (!matches(token, selector)) throw notFound(module, selector);
  return token;
}

/** Some modules know their slots only after C_GetSlotList, so CKR_SLOT_ID_INVALID is believed the second time. */
function tokenInSlot(module: Module, slot: bigint): TokenDescription {
  try {
    return describeToken(module, slot);
  } catch (error) {
    if (isReturnValue(error, CKR.TOKEN_NOT_PRESENT)) throw notPresent(module, slot, error);
    if (!isReturnValue(error, CKR.SLOT_ID_INVALID)) throw error;
  }
  if (slotsWithToken(module).includes(slot)) return describeToken(module, slot);
  throw notFound(module, { slot, label: null, serial: null, manufacturer: null, model: null });
}

function search(module: Module, selector: TokenSelector): TokenDescription {
  const found = survey(module);
  const matching = found.filter((entry) => isToken(entry) && matches(entry, selector)).filter(isToken);
  const [token, ...others] = matching;
  if (token === undefined) throw allSilent(found) ?? notFound(module, selector, found);
  if (others.length > 0) {
    throw new HsmError('token_ambiguous', `${matching.length} tokens have ${wanted(selector)}`, {
      hint: `set slot or serial in the seal stanza to choose one:\n${list(matching)}`,
    });
  }
  return token;
}

const NAMES = ['label', 'serial', 'manufacturer', 'model'] as const;

function matches(token: TokenDescription, selector: TokenSelector): boolean {
  const fits = (name: (typeof NAMES)[number], value: string | null): boolean =>
    value === null || token[name] === unpadded(value);
  return (selector.slot === null || token.slot === selector.slot) && NAMES.every((name) => fits(name, selector[name]));
}

/** A slot whose token cannot be described: one bad reader must not hide the token that is wanted. */
interface SilentSlot {
  readonly slot: bigint;
  readonly error: CryptokiError;
}

function isToken(entry: TokenDescription | SilentSlot): entry is TokenDescription {
  return !('error' in entry);
}

function survey(module: Module): (TokenDescription | SilentSlot)[] {
  return slotsWithToken(module).map((slot) => {
    try {
      return describeToken(module, slot);
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      return { slot, error };
    }
  });
}

/** Where no slot tells what its token is, that is what is wrong, and no name in the configuration. */
function allSilent(found: readonly (TokenDescription | SilentSlot)[]): HsmError | null {
  const [first] = found;
  if (first === undefined || isToken(first) || found.some(isToken)) return null;
  const { error } = first;
  return new HsmError(error.code, `the module tells nothing of any token: ${error.message}`, {
    hint: [error.hint ?? '', `\nslots that are there:\n${list(found)}`],
    cause: error,
  });
}

export function slotsWithToken(module: Module): bigint[] {
  return module.call('C_GetSlotList', (api) => api.C_GetSlotList(true)).map(ulongToBigint);
}

/** C_GetTokenInfo. */
export function describeToken(module: Module, slot: bigint): TokenDescription {
  const subject = (): string => `slot ${slot}`;
  const info: TokenInfo = module.call('C_GetTokenInfo', (api) => api.C_GetTokenInfo(slotHandle(slot)), subject);
  return {
    slot,
    label: unpadded(info.label),
    serial: unpadded(info.serialNumber),
    model: unpadded(info.model),
    manufacturer: unpadded(info.manufacturerID),
    flags: info.flags,
    pinBytes: pinBytes(info),
  };
}

/** CK_UNAVAILABLE_INFORMATION, or its 32 bits. */
const UNAVAILABLE = 0xffffffff;

/** ulMinPinLen and ulMaxPinLen, as far as they make sense together. */
function pinBytes({ minPinLen: least, maxPinLen: most }: TokenInfo): TokenDescription['pinBytes'] {
  return least >= 0 && most >= Math.max(1, least) && most < UNAVAILABLE ? { least, most } : null;
}

/** Text in CK_TOKEN_INFO is padded with blanks (PKCS#11 v2.40 section 3.2); some modules end it with zero bytes. */
export function unpadded(text: string): string {
  return text.replace(/\0.*$/s, '').replace(/ +$/, '');
}

function notPresent(module: Module, slot: bigint, cause: CryptokiError): HsmError {
  const problem = `there is no token in slot ${slot}: CKR_TOKEN_NOT_PRESENT from C_GetTokenInfo`;
  return new HsmError('token_not_present', problem, {
    hint: `put the token in, or choose another with slot or token_label. ${present(survey(module))}`,
    cause,
  });
}

function notFound(module: Module, selector: TokenSelector, found = survey(module)): HsmError {
  return new HsmError('token_not_found', `no token has ${wanted(selector)}`, { hint: present(found) });
}

function wanted(selector: TokenSelector): string {
  const names = NAMES.filter((name) => selector[name] !== null).map((name) => `${name} "${selector[name]}"`);
  return [...(selector.slot === null ? [] : [`slot ${selector.slot}`]), ...names].join(' and ');
}

function present(found: readonly (TokenDescription | SilentSlot)[]): string {
  return found.length === 0
    ? 'the module shows no token at all: check that the HSM is connected and that the module is set up for this user (SoftHSM: SOFTHSM2_CONF)'
    : `tokens that are there:\n${list(found)}`;
}

function list(found: readonly (TokenDescription | SilentSlot)[]): string {
  return found.map((entry) => `  slot ${entry.slot}, ${isToken(entry) ? named(entry) : silence(entry)}`).join('\n');
}

function named(token: TokenDescription): string {
  const serial = `serial "${visible(token.serial)}"`;
  if (!isInitialised(token)) return token.serial === '' ? 'not initialised' : `not initialised, ${serial}`;
  return `label "${visible(token.label)}", ${serial}`;
}

function silence({ error }: SilentSlot): string {
  return returnValueName(error.rv) ?? error.code;
}
