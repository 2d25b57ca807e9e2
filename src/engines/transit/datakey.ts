import { base64, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type EngineResponse } from '../engine.ts';
import { optionalInteger } from '../parameters.ts';
import { encryptWith } from './cipher.ts';
import { cipherOptions } from './encrypt.ts';
import { holderOf } from './holder-of.ts';
import { keyVersion } from './input.ts';
import type { Key } from './key.ts';
import { onKey } from './on-key.ts';

/** Bits of a data key; the first is the default. */
const SIZES = [256, 128, 512];

/** datakey/plaintext/NAME: a new key, in the clear and encrypted. */
export const plaintextDataKey = onKey((context, key, data) => dataKey(context, key, data, true));

/** datakey/wrapped/NAME: a new key, encrypted only. */
export const wrappedDataKey = onKey((context, key, data) => dataKey(context, key, data, false));

async function dataKey(context: EngineContext, key: Key, data: JsonObject, shown: boolean): Promise<EngineResponse> {
  const bits = optionalInteger(data, 'bits', { min: 1 }) ?? 256;
  if (!SIZES.includes(bits)) throw new UsageError('bad_parameter', `bits must be one of: ${SIZES.join(', ')}`);
  const bytes = await context.entropy.bytes(bits / 8);
  try {
    const held = { key, holder: await holderOf(context, key) };
    const encrypted = encryptWith(held, keyVersion(data), bytes, cipherOptions(data));
    return answer({ ...encrypted, ...(shown ? { plaintext: base64(bytes) } : {}) });
  } finally {
    zero(bytes);
  }
}
