import { base64, fromUtf8, utf8, zero } from '../../bytes.ts';
import { StoreError, UsageError } from '../../errors.ts';
import { isJsonObject, type JsonObject, parseJson, stringifyJson } from '../../json.ts';
import { answer, type EngineContext, type Handler } from '../engine.ts';
import { optionalBoolean, optionalText } from '../parameters.ts';
import { describeKey } from './describe.ts';
import { keyPath, managedCommand } from './hints.ts';
import { choice, decodeBase64, requiredText } from './input.ts';
import { checkedName, type Key, keyName, type ManagedReference, refuseManaged, usingKey } from './key.ts';
import { hasKey, keyExists, requireKey, storeKey } from './key-row.ts';
import { decodePolicy, encodePolicy } from './policy.ts';
import { DIALECTS } from './policy-type.ts';

/** backup/NAME: the whole key, in the clear, as the transit/backup of Vault, or of OpenBao, gives it: base64 of JSON. The key keeps when that was. */
export const backup: Handler = async (context, data, parts) => {
  const dialect = choice(data, 'dialect', DIALECTS);
  return usingKey(await requireKey(context, keyName(parts)), async (key) => {
    requireBackup(context, key);
    const backedUp = { ...key, backedUp: { time: context.now, version: key.latest } };
    await storeKey(context, backedUp);
    return answer({ backup: base64(utf8(stringifyJson(encodePolicy(backedUp, dialect)))) });
  });
};

/** @throws UsageError `managed_key`; StoreError `backup_not_allowed` */
function requireBackup(context: EngineContext, key: Key): void {
  const again = (managed: ManagedReference): string =>
    `back the HSM up with its own tool; the key is made again with: ${managedCommand(context, key.name, managed)}`;
  refuseManaged(key, 'be backed up: its key object never leaves the HSM', again);
  const { exportable, plaintextBackup } = key;
  for (const [setting, allowed] of Object.entries({ exportable, allow_plaintext_backup: plaintextBackup })) {
    if (allowed) continue;
    throw new StoreError('backup_not_allowed', `the key "${key.name}" may not be backed up: ${setting} is not set`, {
      hint: `allow it, for good, with: coffer write ${keyPath(context, key.name, '/config')} ${setting}=true`,
    });
  }
}

/** restore, restore/NAME: a key from a backup of coffer, Vault or OpenBao, under its name or another. Warns of what it leaves behind. */
export const restore: Handler = async (context, data, parts) => {
  const given = optionalText(data, 'name');
  const force = optionalBoolean(data, 'force') ?? false;
  const { key, left } = decodeBackup(requiredText(data, 'backup'));
  return usingKey(key, async () => {
    const name = checkedName(parts['name'] ?? given ?? key.name);
    if (!force && (await hasKey(context, name)))
      throw keyExists(context, name, 'give force=true to replace it, or restore under another name');
    const restored = { ...key, name, restored: { time: context.now, version: key.latest } };
    describeKey(restored); // takes every version's public key once, so that a broken backup is refused
    await storeKey(context, restored);
    return answer(null, { warnings: left });
  });
};

/** @throws UsageError `bad_backup`, `unsupported_backup` */
function decodeBackup(text: string): ReturnType<typeof decodePolicy> {
  let content;
  let bytes: Uint8Array = new Uint8Array(0);
  try {
    bytes = decodeBase64(text, 'backup');
    content = parseJson(fromUtf8(bytes));
  } catch {
    content = null;
  } finally {
    zero(bytes);
  }
  if (isJsonObject(content ?? undefined)) return decodePolicy(content as JsonObject);
  throw new UsageError('bad_backup', 'backup is not what backup/NAME printed', {
    hint: 'give it whole: base64 of JSON',
  });
}
