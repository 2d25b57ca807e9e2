import { hex } from '../bytes.ts';
import type { KeyReference, Pkcs11SealConfig } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import type { Key, Session } from '../pkcs11/index.ts';

interface WantedKey {
  readonly option: string;
  readonly reference: KeyReference;
  /** As pkcs11-tool names it. */
  readonly type: string;
  readonly generate: (label: string, id: Uint8Array | null) => Key;
}

/**
 * Creates the wrapping key and the HMAC key where they are missing and `generate_key` allows it.
 * @returns the labels of the keys that it created
 * @throws HsmError `key_not_found` with the commands that would create them; nothing was created then
 */
export function ensureKeys(config: Pkcs11SealConfig, session: Session): string[] {
  const missing = wantedKeys(config, session).filter(
    ({ reference }) => session.findKeys({ class: 'secret', ...reference }).length === 0,
  );
  const unlabelled = missing.find(({ reference }) => reference.label === null);
  const [first] = missing;
  if (first !== undefined && (!config.generateKey || unlabelled !== undefined)) {
    const names = missing.map(({ option, reference }) => `${option} (${describe(reference)})`).join(' and ');
    throw new HsmError('key_not_found', `the HSM has no key for ${names}${config.generateKey ? '' : ', and generate_key is false'}`, {
      hint:
        unlabelled === undefined
          ? ['set generate_key = "true", or create it yourself:', ...missing.map((key) => command(key, config, session))].join('\n')
          : `a key is generated only with a label: set ${unlabelled.option}`,
    });
  }
  return missing.map(({ reference, generate }) => generate(reference.label ?? '', reference.id).label);
}

function wantedKeys(config: Pkcs11SealConfig, session: Session): WantedKey[] {
  const wrapping: WantedKey = {
    option: 'key_label',
    reference: config.key,
    type: 'AES:32 --usage-decrypt',
    generate: (label, id) => session.generateAesKey(label, id),
  };
  if (config.hmacKey === null) return [wrapping];
  const hmac: WantedKey = {
    option: 'hmac_key_label',
    reference: config.hmacKey,
    type: 'GENERIC:32 --usage-sign',
    generate: (label, id) => session.generateHmacKey(label, id),
  };
  return [wrapping, hmac];
}

function command({ reference, type }: WantedKey, config: Pkcs11SealConfig, session: Session): string {
  const id = reference.id === null ? '' : ` --id ${hex(reference.id)}`;
  return (
    `  pkcs11-tool --module ${config.lib} --token-label '${session.token.label}' --login --keygen` +
    ` --key-type ${type} --sensitive --label '${reference.label ?? ''}'${id}`
  );
}

function describe({ label, id }: KeyReference): string {
  return [...(label === null ? [] : [`label "${label}"`]), ...(id === null ? [] : [`id ${hex(id)}`])].join(', ');
}
