import { base64, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { EngineContext, Handler } from '../engine.ts';
import { optionalBoolean, optionalText } from '../parameters.ts';
import type { AeadOptions } from './aead.ts';
import { answerEach, answerStrictly, batchItems, requireInItems } from './batch.ts';
import { decryptWith, encryptWith, type HeldKey, rewrapWith } from './cipher.ts';
import { createKey } from './create.ts';
import { holderOf } from './holder-of.ts';
import { keyVersion, optionalBase64, requiredBase64, requiredText } from './input.ts';
import { type Key, keyName, newKey, usingKey } from './key.ts';
import { loadKey } from './key-row.ts';
import { onKey } from './on-key.ts';
import { typeOf, wrongType } from './types.ts';
import { wantedType } from './wanted-type.ts';

/** encrypt/NAME: plaintext to ciphertext; a key that is not there is created, as in Vault. */
export const encrypt: Handler = async (context, data, parts) => {
  const name = keyName(parts);
  requireInItems(data, 'plaintext');
  checkContexts(data);
  const wanted = wantedKey(context, name, data); // a wrong value is one, too, where the key is there
  const found = await loadKey(context, name);
  const key = found ?? (await createForEncryption(context, wanted));
  const warnings = found === null ? [`there was no key "${name}"; it was created, of type ${key.type}`] : [];
  return usingKey(key, async () => {
    const held = { key, holder: await holderOf(context, key) };
    return answerStrictly(data, (item) => encryptItem(held, item), warnings);
  });
};

/** decrypt/NAME */
export const decrypt = onKey(async (context, key, data) => {
  requireInItems(data, 'ciphertext');
  checkContexts(data);
  const held = { key, holder: await holderOf(context, key) };
  return answerStrictly(data, (item) => decryptItem(held, item));
});

/** rewrap/NAME: ciphertext to ciphertext of the newest version, without showing the plaintext. */
export const rewrap = onKey(async (context, key, data) => {
  checkContexts(data);
  const held = { key, holder: await holderOf(context, key) };
  return answerEach(data, (item) =>
    rewrapWith(held, keyVersion(item), requiredText(item, 'ciphertext'), cipherOptions(item)),
  );
});

function encryptItem(held: HeldKey, item: JsonObject): JsonObject {
  const plaintext = requiredBase64(item, 'plaintext');
  try {
    return encryptWith(held, keyVersion(item), plaintext, cipherOptions(item));
  } finally {
    zero(plaintext);
  }
}

function decryptItem(held: HeldKey, item: JsonObject): JsonObject {
  const plaintext = decryptWith(held, requiredText(item, 'ciphertext'), cipherOptions(item));
  try {
    return { plaintext: base64(plaintext) };
  } finally {
    zero(plaintext);
  }
}

/** @throws UsageError `bad_base64`, `unsupported_parameter` */
export function cipherOptions(item: JsonObject): AeadOptions {
  if (optionalText(item, 'nonce') !== null) {
    throw new UsageError('unsupported_parameter', 'a nonce cannot be given; it is made for you', {
      hint: 'only keys of convergent encryption version 1 (Vault 0.6.1) took one',
    });
  }
  const padding = optionalText(item, 'padding_scheme');
  if (padding !== null && padding !== 'oaep')
    throw new UsageError('unsupported_parameter', 'padding_scheme can only be oaep');
  return { context: optionalBase64(item, 'context'), associatedData: optionalBase64(item, 'associated_data') };
}

/** As in Vault: a batch has a context in all of its items or in none. @throws UsageError `bad_batch` */
function checkContexts(data: JsonObject): void {
  const items = batchItems(data) ?? [];
  if (new Set(items.map(({ context }) => (context ?? null) !== null)).size < 2) return;
  throw new UsageError('bad_batch', 'context must be given in all items of the batch or in none');
}

/** What a key is to be like that is made for its first encryption. */
function wantedKey(context: EngineContext, name: string, data: JsonObject): Key {
  const type = wantedType(context, name, optionalText(data, 'type'));
  const derived = optionalText(batchItems(data)?.[0] ?? data, 'context') !== null;
  return newKey(name, type.name, { derived, convergent: optionalBoolean(data, 'convergent_encryption') ?? false });
}

async function createForEncryption(context: EngineContext, wanted: Key): Promise<Key> {
  const type = typeOf(wanted.type);
  if (type.family !== 'aead') throw wrongType(type, 'creation by encrypt');
  return createKey(context, wanted);
}
