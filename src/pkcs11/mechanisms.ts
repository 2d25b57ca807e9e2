import { mechanismName } from './constants.ts';
import type { Module } from './module.ts';
import type { MechanismDescription } from './types.ts';
import { slotHandle } from './ulong.ts';

/** CKM_ numbers that the token lists (C_GetMechanismList). */
export function mechanismTypes(module: Module, slot: bigint): number[] {
  const subject = (): string => `slot ${slot}`;
  return module.call('C_GetMechanismList', (api) => api.C_GetMechanismList(slotHandle(slot)), subject);
}

/** CK_MECHANISM_INFO flags, PKCS#11 v2.40 section 3.7. */
const USES: readonly (readonly [number, string])[] = [
  [0x100, 'encrypt'],
  [0x200, 'decrypt'],
  [0x400, 'digest'],
  [0x800, 'sign'],
  [0x2000, 'verify'],
  [0x8000, 'generate'],
  [0x10000, 'generate_key_pair'],
  [0x20000, 'wrap'],
  [0x40000, 'unwrap'],
  [0x80000, 'derive'],
];

/** What the token says of each of its mechanisms, by number. */
export function describeMechanisms(module: Module, slot: bigint): MechanismDescription[] {
  return mechanismTypes(module, slot)
    .toSorted((a, b) => a - b)
    .map((type) => {
      const name = mechanismName(type);
      const subject = (): string => name;
      const info = module.call('C_GetMechanismInfo', (api) => api.C_GetMechanismInfo(slotHandle(slot), type), subject);
      const uses = USES.filter(([flag]) => (info.flags & flag) !== 0).map(([, use]) => use);
      return { type, name, minKeySize: info.minKeySize, maxKeySize: info.maxKeySize, uses };
    });
}
