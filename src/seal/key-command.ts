import { hex } from '../bytes.ts';
import type { KeyReference } from '../hsm-keys.ts';
import { canonicalId, isYubiHsm, type TokenDescription } from '../pkcs11/index.ts';
import { shellWord } from '../shell.ts';

export type CommandedKind = 'aes' | 'hmac' | 'rsa';

/** Where a key is to be made by hand. */
interface Place {
  readonly lib: string;
  readonly token: Pick<TokenDescription, 'label' | 'model'>;
}

/** A line to paste that makes a key of this name, two blanks in front: with pkcs11-tool, for a YubiHSM 2 with its own tool. */
export function keyCommand({ lib, token }: Place, kind: CommandedKind, { label, id }: KeyReference): string {
  if (isYubiHsm(lib, token)) return `  ${yubiHsmShell(kind, { label, id })}`;
  return (
    `  pkcs11-tool --module ${shellWord(lib)} --token-label ${shellWord(token.label)} --login` +
    ` ${PKCS11_TOOL[kind]} --private --sensitive --label ${shellWord(label ?? '')}${id === null ? '' : ` --id ${hex(id)}`}`
  );
}

const PKCS11_TOOL: { readonly [kind in CommandedKind]: string } = {
  aes: '--keygen --key-type AES:32 --usage-decrypt',
  hmac: '--keygen --key-type GENERIC:32 --usage-sign',
  rsa: '--keypairgen --key-type RSA:2048 --usage-decrypt',
};

/** pkcs11-tool gives an HMAC key another type, and an RSA key attributes, that Yubico's module refuses. */
const YUBIHSM_SHELL: { readonly [kind in CommandedKind]: string } = {
  aes: '-a generate-symmetric-key -A aes256 -c encrypt-cbc,decrypt-cbc',
  hmac: '-a generate-hmac-key -A hmac-sha256 -c sign-hmac,verify-hmac',
  rsa: '-a generate-asymmetric-key -A rsa3072 -c decrypt-oaep',
};

const ID_BYTES = 2;
const LABEL_BYTES = 40;

function yubiHsmShell(kind: CommandedKind, { label, id }: KeyReference): string {
  const name = label ?? '';
  const number = id === null ? new Uint8Array(1) : canonicalId(id);
  if (number.length > ID_BYTES || Buffer.byteLength(name) > LABEL_BYTES)
    return `yubihsm-shell makes none with an id of more than ${ID_BYTES} bytes or a label of more than ${LABEL_BYTES}: make it with coffer hsm keygen`;
  return `yubihsm-shell ${YUBIHSM_SHELL[kind]} -d 1 -i 0x${hex(number)} -l ${shellWord(name)}`;
}
