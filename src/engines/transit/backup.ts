import { base64, fromUtf8, utf8 } from '../../bytes.ts';
import { StoreError, UsageError } from '../../errors.ts';
import { isJsonObject, parseJson, stringifyJson } from '../../json.ts';
import type { JsonObject } from '../../json.ts';
import { answer } from '../engine.ts';
import type { EngineContext, Parameters, Response } from '../engine.ts';
import { optionalBoolean, optionalText } from '../parameters.ts';
import { describeKey } from './describe.ts';
import { keyPath, managedCommand } from './hints.ts';
import { choice, decodeBase64, requiredText } from './input.ts';
import { checkedName, keyName, refuseManaged } from './key.ts';
import type { ManagedReference } from './key.ts';
import { keyExists, loadKey, requireKey, storeKey } from './key-row.ts';
import { decodePolicy, encodePolicy } from './policy.ts';
import { DIALECTS } from './policy-type.ts';

/** backup/NAME: the whole key, in the clear, as the transit/backup of Vault, or of OpenBao, gives it: base64 of JSON. */
export async function backup(context: EngineContext, data: JsonObject, parameters: Parameters): Promise<Response> {
  const dialect = choice(data, 'dialect', DIALECTS);
  const key = await requireKey(context, keyName(parameters));
  const again = (managed: ManagedReference): string => `back the HSM up with its own tool; the key is made again with: ${managedCommand(context, key.name, managed)}`;
  refuseManaged(key, 'be backed up: its key object never leaves the HSM', again);
  for (const [setting, allowed] of Object.entries({ exportable: key.exportable, allow_plaintext_backup: key.plaintextBackup })) {
    if (allowed) continue;
    throw new StoreError('backup_not_allowed', `the key "${key.name}" may not be backed up: ${setting} is not set`, {
      hint: `allow it, for good, with: coffer write ${keyPath(context, key.name, '/config')} ${setting}=true`,
    });
  }
  return answer({ backup: base64(utf8(stringifyJson(encodePolicy(key, context.now, dialect)))) });
}

/** restore, restore/NAME: a key from a backup of coffer, Vault or OpenBao, under its name or another. Warns of what it leaves behind. */
export async function restore(context: EngineContext, data: JsonObject, parameters: Parameters): Promise<Response> {
  const given = optionalText(data, 'name');
  const force = optionalBoolean(data, 'force') ?? false;
  const { key, left } = decodeBackup(requiredText(data, 'backup'));
  const name = checkedName(parameters['name'] ?? given ?? key.name);
  if (!force && (await loadKey(context, name)) !== null) throw keyExists(context, name, 'give force=true to replace it, or restore under another name');
  const restored = { ...key, name, restored: { time: context.now, version: key.latest } };
  describeKey(restored); // takes every version's public key once, so that a broken backup is refused
  await storeKey(context, restored);
  return answer(null, { warnings: left });
}

/** @throws UsageError `bad_backup`, `unsupported_backup` */
function decodeBackup(text: string): ReturnType<typeof decodePolicy> {
  let content;
  try {
    content = parseJson(fromUtf8(decodeBase64(text, 'backup')));
  } catch {
    content = null;
  }
  if (isJsonObject(content ?? undefined)) return decodePolicy(content as JsonObject);
  throw new UsageError('bad_backup', 'backup is not what backup/NAME printed', { hint: 'give it whole: base64 of JSON' });
}
