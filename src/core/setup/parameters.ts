import { type Vendor, vendorOf } from '../../pkcs11/index.ts';

/** What a library wants to be told when it is initialised (pReserved of C_Initialize). */
export interface UsualParameters {
  /** For a question: whose they are. */
  readonly whose: string;
  readonly value: string;
  /** Whether they lead to the token on most machines, so that it may be looked for with them. */
  readonly areUsual: boolean;
}

interface Known extends UsualParameters {
  /** The variable that the library reads in their place. */
  readonly variable: string | null;
}

const KNOWN: { readonly [vendor in Vendor]: Known } = {
  NSS: {
    whose: 'NSS',
    value: "configdir='sql:/etc/pki/nssdb' certPrefix='' keyPrefix='' secmod='secmod.db' flags=",
    areUsual: false,
    variable: null,
  },
  // Where yubihsm-connector listens.
  YubiHSM: {
    whose: "Yubico's module",
    value: 'connector=http://127.0.0.1:12345',
    areUsual: true,
    variable: 'YUBIHSM_PKCS11_CONF',
  },
};

/** By whose the library is; null for one that needs none, or finds them in the environment. */
export function usualParameters(lib: string, env: NodeJS.ProcessEnv): UsualParameters | null {
  const vendor = vendorOf(lib);
  if (vendor === null) return null;
  const known = KNOWN[vendor];
  return known.variable !== null && env[known.variable] ? null : known;
}

/** Those to look for a token with, where nobody has given any. */
export function triedParameters(lib: string, env: NodeJS.ProcessEnv): string | null {
  const usual = usualParameters(lib, env);
  return usual?.areUsual === true ? usual.value : null;
}
