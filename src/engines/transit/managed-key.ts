import { hex } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { HsmKeyDescription, HsmKeys, HsmKeyType } from '../../hsm-keys.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type EngineResponse } from '../engine.ts';
import { optionalBoolean, optionalText } from '../parameters.ts';
import { describeKey } from './describe.ts';
import { addVersion, newKey, usingKey } from './key.ts';
import { loadKey, storeKey } from './key-row.ts';
import { type KeyTypeName, MANAGED_TYPE } from './types.ts';

const TYPE_NAMES: { readonly [type in HsmKeyType]: KeyTypeName } = {
  aes128: 'aes128-gcm96',
  aes256: 'aes256-gcm96',
  'rsa-2048': 'rsa-2048',
  'rsa-3072': 'rsa-3072',
  'rsa-4096': 'rsa-4096',
  'ecdsa-p256': 'ecdsa-p256',
  'ecdsa-p384': 'ecdsa-p384',
  'ecdsa-p521': 'ecdsa-p521',
};
const GENERATED: readonly HsmKeyType[] = [
  'aes256',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
];

const PARAMETERS = ['managed_key_name', 'managed_key_id', 'generate', 'key_type'];
/** What needs the secret outside the HSM, or a second version. */
const IMPOSSIBLE = ['derived', 'convergent_encryption', 'exportable', 'allow_plaintext_backup'];

/**
 * keys/NAME, write, with type=managed_key: a key whose material is one key object in the HSM, which must be there or is
 * created with generate=true. A key that is there stays as it is, and nothing is created in the HSM then.
 * @throws UsageError `bad_parameter`, `missing_parameter`, `managed_key`; HsmError
 */
export async function writeManagedKey(context: EngineContext, name: string, data: JsonObject): Promise<EngineResponse> {
  const open = parseRequest(data);
  const there = await loadKey(context, name);
  if (there !== null)
    return usingKey(there, () => answer(describeKey(there), { warnings: [`key ${name} already existed`] }));
  const { hsm } = context;
  const found = open(hsm);
  const oaepHash = found.type.startsWith('rsa-') ? hsm.oaepHash(found) : null;
  const managed = { label: found.label, id: hex(found.id), oaepHash };
  const version = { created: context.now, key: null, public: found.publicKey, hmac: null };
  const key = addVersion(newKey(name, TYPE_NAMES[found.type], { managed }), version);
  await storeKey(context, key);
  return answer(describeKey(key));
}

/** @throws UsageError `bad_parameter` */
export function refuseManagedParameters(data: JsonObject): void {
  const given = PARAMETERS.find((name) => (data[name] ?? null) !== null);
  if (given !== undefined)
    throw new UsageError('bad_parameter', `${given} is for keys of type ${MANAGED_TYPE}`, {
      hint: `give type=${MANAGED_TYPE}`,
    });
}

/** Checks everything that can be checked before the HSM is asked. */
function parseRequest(data: JsonObject): (hsm: HsmKeys) => HsmKeyDescription {
  const impossible = IMPOSSIBLE.find((name) => optionalBoolean(data, name) === true);
  if (impossible !== undefined)
    throw new UsageError('managed_key', `a managed key cannot have ${impossible}: its key object never leaves the HSM`);
  const label = optionalText(data, 'managed_key_name');
  const idText = optionalText(data, 'managed_key_id');
  if (idText !== null && !/^([0-9a-f]{2})+$/i.test(idText))
    throw new UsageError('bad_parameter', 'managed_key_id must be hex, two digits for each byte');
  const typeText = optionalText(data, 'key_type');
  if (optionalBoolean(data, 'generate') ?? false) {
    if (label === null)
      throw new UsageError('missing_parameter', 'managed_key_name is missing: the label of the key object to create');
    if (idText !== null)
      throw new UsageError('bad_parameter', 'managed_key_id cannot be given with generate=true: the id is random');
    const type = GENERATED.find((name) => name === typeText);
    if (type === undefined) throw new UsageError('bad_parameter', `key_type must be one of: ${GENERATED.join(', ')}`);
    return (hsm) => hsm.generate(label, type);
  }
  if (typeText !== null)
    throw new UsageError('bad_parameter', 'key_type is for generate=true; a key object that is there has its own type');
  if (label === null && idText === null) {
    throw new UsageError('missing_parameter', 'managed_key_name is missing: the label of the key object in the HSM', {
      hint: 'give managed_key_name=LABEL or managed_key_id=HEX; with generate=true key_type=TYPE to create it',
    });
  }
  return (hsm) => hsm.register({ label, id: idText === null ? null : Buffer.from(idText, 'hex') });
}
