import type { TokenSelector } from '../config/types.ts';
import { CKR } from './constants.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import { describeMechanisms, mechanismTypes } from './mechanisms.ts';
import { type Module, withModule } from './module.ts';
import { describeToken, findToken, slotsWithToken, unpadded } from './tokens.ts';
import type { MechanismDescription, ModuleInfo, ModuleOptions, SlotDescription, TokenDescription } from './types.ts';
import { slotHandle, ulongToBigint } from './ulong.ts';

/** What a module says of itself and of each of its slots, without a login. Throws HsmError. */
export async function surveyModule(options: ModuleOptions): Promise<{ info: ModuleInfo; slots: SlotDescription[] }> {
  return withModule(options, async (module) => {
    const slots = module.call('C_GetSlotList', (api) => api.C_GetSlotList(false)).map(ulongToBigint);
    return { info: describeModule(module), slots: slots.map((slot) => describeSlot(module, slot)) };
  });
}

/** Each token that can be described, with the CKM_ numbers that it lists; null where it lists none of itself. Throws HsmError. */
export async function surveyTokens(
  options: ModuleOptions,
): Promise<{ token: TokenDescription; mechanisms: number[] | null }[]> {
  return withModule(options, async (module) =>
    slotsWithToken(module).flatMap((slot) => {
      const token = orNull(() => describeToken(module, slot));
      return token === null ? [] : [{ token, mechanisms: orNull(() => mechanismTypes(module, slot)) }];
    }),
  );
}

/** Null where the token says no. */
function orNull<T>(call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    return null;
  }
}

/** The mechanisms of the one token that matches. Throws HsmError. */
export async function listMechanisms(
  options: ModuleOptions,
  selector: TokenSelector,
): Promise<{ token: TokenDescription; mechanisms: MechanismDescription[] }> {
  return withModule(options, async (module) => {
    const token = findToken(module, selector);
    return { token, mechanisms: describeMechanisms(module, token.slot) };
  });
}

function describeModule(module: Module): ModuleInfo {
  const info = module.call('C_GetInfo', (api) => api.C_GetInfo());
  const version = ({ major, minor }: { major: number; minor: number }): string => `${major}.${minor}`;
  return {
    manufacturer: unpadded(info.manufacturerID),
    description: unpadded(info.libraryDescription),
    cryptokiVersion: version(info.cryptokiVersion),
    libraryVersion: version(info.libraryVersion),
  };
}

function describeSlot(module: Module, slot: bigint): SlotDescription {
  const subject = (): string => `slot ${slot}`;
  const info = module.call('C_GetSlotInfo', (api) => api.C_GetSlotInfo(slotHandle(slot)), subject);
  const named = { slot, description: unpadded(info.slotDescription), manufacturer: unpadded(info.manufacturerID) };
  try {
    return { ...named, token: describeToken(module, slot), error: null };
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    return { ...named, token: null, error: isReturnValue(error, CKR.TOKEN_NOT_PRESENT) ? null : error };
  }
}
