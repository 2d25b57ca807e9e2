import { base64, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer } from '../engine.ts';
import type { EngineContext, Handler, EngineResponse } from '../engine.ts';
import { optionalInteger } from '../parameters.ts';
import { encryptWith } from './cipher.ts';
import { cipherOptions } from './encrypt.ts';
import { holderOf } from './holder-of.ts';
import { keyVersion } from './input.ts';
import { keyName, usingKey } from './key.ts';
import type { Key } from './key.ts';
import { requireKey } from './key-row.ts';

/** Bits of a data key; the first is the default. */
const SIZES = [256, 128, 512];

/** datakey/plaintext/NAME: a new key, in the clear and encrypted. */
export const plaintextDataKey: Handler = (context, data, parameters) => dataKey(context, data, keyName(parameters), true);

/** datakey/wrapped/NAME: a new key, encrypted only. */
export const wrappedDataKey: Handler = (context, data, parameters) => dataKey(context, data, keyName(parameters), false);

async function dataKey(context: EngineContext, data: JsonObject, name: string, shown: boolean): Promise<EngineResponse> {
  return usingKey(await requireKey(context, name), (key) => dataKeyOf(context, key, data, shown));
}

async function dataKeyOf(context: EngineContext, key: Key, data: JsonObject, shown: boolean): Promise<EngineResponse> {
  const bits = optionalInteger(data, 'bits', { min: 1 }) ?? 256;
  if (!SIZES.includes(bits)) throw new UsageError('bad_parameter', `bits must be one of: ${SIZES.join(', ')}`);
  const bytes = await context.entropy.bytes(bits / 8);
  try {
    const { ciphertext, version } = encryptWith({ key, holder: holderOf(context, key) }, keyVersion(data), bytes, cipherOptions(data));
    return answer({ ciphertext, key_version: version, ...(shown ? { plaintext: base64(bytes) } : {}) });
  } finally {
    zero(bytes);
  }
}
