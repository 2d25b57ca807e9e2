import { hex } from '../../../bytes.ts';
import { sealReaders } from '../../../config/index.ts';
import {
  generateMissingKeys,
  generateOneKey,
  type MadeKey,
  type NewKey,
  type NewKeyType,
  RSA_BITS,
} from '../../../core/index.ts';
import { ConfigError, UsageError } from '../../../errors.ts';
import { visible } from '../../../visible.ts';
import { command, type FlagValues } from '../../command.ts';
import { printObject } from '../../output.ts';
import { FORCE } from '../login-flags.ts';

const TYPES: readonly NewKeyType[] = ['aes', 'hmac', 'rsa'];

const DEFAULT_RSA_BITS = 3072;

const KEY = {
  type: { kind: 'text', value: 'aes|hmac|rsa', help: 'kind of key (aes); with -label' },
  label: { kind: 'text', value: 'LABEL', help: 'CKA_LABEL of the key' },
  id: { kind: 'text', value: 'HEX', help: 'CKA_ID of the key (random)' },
  bits: { kind: 'integer', value: 'N', help: 'bits of an RSA key: 2048, 3072 (the default) or 4096' },
} as const;

export const keygenCommand = command('hsm keygen', {
  summary: 'make a key in the HSM, or those that the configuration names and the HSM lacks',
  flags: { ...KEY, ...FORCE },
  examples: [
    'coffer hsm keygen',
    'coffer hsm keygen -label=hsm_2026',
    'coffer hsm keygen -type=hmac -label=hsm_hmac_2026 -id=02',
  ],
  async run(invocation) {
    const { flags } = invocation;
    const wanted = wantedKey(flags);
    const context = await invocation.context({ forceLogin: flags.force });
    if (wanted !== null) {
      const made = await generateOneKey(context, wanted);
      await printObject(invocation, describe(made), () => success(made));
      return 0;
    }
    const made = await generateMissingKeys(context);
    const nothing = 'Success! The HSM has every key that the configuration names';
    await printObject(invocation, { created: made.map(describe) }, () =>
      made.length === 0 ? nothing : made.map(success).join('\n'),
    );
  },
});

/** Null for what the stanza lacks. */
function wantedKey({ type: typeName, label, id, bits }: FlagValues<typeof KEY>): NewKey | null {
  if (label === null) {
    const [alone] = Object.entries({ type: typeName, id, bits }).find(([, value]) => value !== null) ?? [];
    if (alone === undefined) return null;
    throw new UsageError('bad_flag', `-${alone} needs -label, too`, {
      hint: 'without any of them the keys are made that the configuration names',
    });
  }
  refuseLabel(label);
  const type = keyType(typeName ?? 'aes');
  return { type, label, id: keyId(id), bits: keyBits(type, bits) };
}

/** A key under a label that key_label would not take could never be named. @throws UsageError `bad_flag` */
function refuseLabel(label: string): void {
  try {
    sealReaders.key_label({ value: label, origin: '-label', file: null, verbatim: false });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError('bad_flag', error.message, { hint: error.hint });
  }
}

function keyType(name: string): NewKeyType {
  const type = TYPES.find((known) => known === name.toLowerCase());
  if (type === undefined)
    throw new UsageError('bad_flag', `there is no key type ${JSON.stringify(name)}`, {
      hint: `there are: ${TYPES.join(', ')}`,
    });
  return type;
}

function keyId(text: string | null): Uint8Array | null {
  if (text === null) return null;
  if (/^(?:0[xX])?(?:[0-9a-fA-F]{2}){1,255}$/.test(text))
    return new Uint8Array(Buffer.from(text.replace(/^0[xX]/, ''), 'hex'));
  throw new UsageError('bad_flag', `-id is hexadecimal, two digits a byte, not ${JSON.stringify(text)}`, {
    hint: 'for example -id=01ab',
  });
}

function keyBits(type: NewKeyType, bits: number | null): number {
  if (type !== 'rsa') {
    if (bits === null || bits === 256) return 256;
    const problem = `-bits is ${bits}, but an ${type === 'aes' ? 'AES' : 'HMAC'} key of coffer's has 256`;
    throw new UsageError('bad_flag', problem, { hint: 'leave -bits out' });
  }
  const wanted = bits ?? DEFAULT_RSA_BITS;
  if (RSA_BITS.includes(wanted)) return wanted;
  throw new UsageError('bad_flag', `-bits is ${wanted}, which is no size for an RSA key of coffer's`, {
    hint: `choose one of ${RSA_BITS.join(', ')}`,
  });
}

function describe({ label, id }: MadeKey) {
  return { label, id: hex(id) };
}

function success({ label, id }: MadeKey): string {
  return `Success! Created the key "${visible(label)}" in the HSM, id ${hex(id)}`;
}
