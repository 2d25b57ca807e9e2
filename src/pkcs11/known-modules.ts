import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { TokenDescription } from './types.ts';

/** What is known of a vendor's module, so that a word about it can be better than one that fits all. */
export interface KnownModule {
  /** What to do where C_Initialize refuses its arguments. */
  readonly configuration: string;
  /** The form of its PINs; null where nothing is known of them. */
  readonly pin: PinForm | null;
}

export interface PinForm {
  readonly fits: (pin: string) => boolean;
  /** Says nothing of any PIN. */
  readonly words: string;
}

const YUBIHSM: KnownModule = {
  configuration:
    'the module found no connector in its configuration: write "connector = http://127.0.0.1:12345" (or where yours is) into a file, and name that in the seal stanza as library_parameters = "config-file=/etc/yubihsm_pkcs11.conf" or in YUBIHSM_PKCS11_CONF',
  pin: {
    fits: isYubiHsmPin,
    words:
      'the PIN of a YubiHSM is the 4 hexadecimal digits of the authentication key (0001), followed by its password of 8 to 64 bytes',
  },
};

const NSS: KnownModule = {
  configuration:
    "NSS needs library_parameters in the seal stanza, e.g. \"configdir='sql:/etc/pki/nssdb' certPrefix='' keyPrefix='' secmod='secmod.db' flags=\"",
  pin: null,
};

export type Vendor = 'YubiHSM' | 'NSS';

const KNOWN: { readonly [vendor in Vendor]: KnownModule } = { YubiHSM: YUBIHSM, NSS };

const FILES: readonly (readonly [RegExp, Vendor])[] = [
  [/^(?:lib)?yubihsm_pkcs11/i, 'YubiHSM'],
  [/^(?:lib)?softokn3/i, 'NSS'],
];

/** With @ an asymmetric authentication key is named, with #LABEL# one by its label: what comes then is the module's to judge. */
function isYubiHsmPin(pin: string): boolean {
  if (/^[@#]/.test(pin)) return true;
  const bytes = Buffer.byteLength(pin) - 4;
  return /^[0-9a-fA-F]{4}/.test(pin) && bytes >= 8 && bytes <= 64;
}

/** Whose a module is, by the name of its file, or of the file that it is a link to; null where that says nothing. */
export function vendorOf(lib: string): Vendor | null {
  return namedBy(lib) ?? namedBy(targetOf(lib));
}

/** Null for one that nothing is known of. */
export function knownModule(lib: string): KnownModule | null {
  const vendor = vendorOf(lib);
  return vendor === null ? null : KNOWN[vendor];
}

function namedBy(path: string): Vendor | null {
  return FILES.find(([pattern]) => pattern.test(basename(path)))?.[1] ?? null;
}

/** The path itself where it leads nowhere. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Whether a token is of a YubiHSM 2. */
export function isYubiHsm(lib: string, token: Pick<TokenDescription, 'model'>): boolean {
  return vendorOfToken(lib, token) === 'YubiHSM';
}

/** The form of a token's PIN; null where nothing is known of it. */
export function pinForm(lib: string, token: Pick<TokenDescription, 'model'>): PinForm | null {
  const vendor = vendorOfToken(lib, token);
  return vendor === null ? null : KNOWN[vendor].pin;
}

/** By the module or, behind another module such as p11-kit's, by what the token says that it is. */
function vendorOfToken(lib: string, { model }: Pick<TokenDescription, 'model'>): Vendor | null {
  return model === 'YubiHSM' ? 'YubiHSM' : vendorOf(lib);
}
