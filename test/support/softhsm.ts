import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface SoftHsm {
  /** Absolute path of libsofthsm2.so. */
  readonly lib: string;
  readonly conf: string;
  readonly label: string;
  readonly pin: string;
  readonly soPin: string;
  readonly slot: number;
  readonly serial: string;
  /** What a process needs to see this token; SoftHSM reads it in C_Initialize. */
  readonly env: { readonly SOFTHSM2_CONF: string };
}

export interface SoftHsmOptions {
  /** An existing folder of the test's own; a second token made in the same one stands beside the first. */
  readonly dir: string;
  readonly label?: string;
  readonly pin?: string;
  readonly soPin?: string;
}

/** A new SoftHSM token with a user PIN, made in a child process so that no module state stays in this one. */
export function createSoftHsm(options: SoftHsmOptions): SoftHsm {
  const { dir, label = 'coffer-test', pin = '123456', soPin = '87654321' } = options;
  const lib = findSoftHsm();
  const conf = join(dir, 'softhsm2.conf');
  const tokens = join(dir, 'tokens');
  mkdirSync(tokens, { recursive: true, mode: 0o700 });
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const env = { SOFTHSM2_CONF: conf };
  const made = inChild(INIT_TOKEN, env, { lib, label, pin, soPin }) as { slot: number; serial: string };
  return { lib, conf, label, pin, soPin, ...made, env };
}

export interface ImportedKey {
  readonly label: string;
  /** CKA_ID in hex. */
  readonly id: string;
  readonly type: 'aes' | 'generic' | 'sha256-hmac';
  /** CKA_VALUE, the key itself. */
  readonly value: Uint8Array;
  /** Uses that the key forbids: 'encrypt', 'decrypt', 'sign' or 'verify'. */
  readonly without?: readonly ('encrypt' | 'decrypt' | 'sign' | 'verify')[];
  /** Further boolean attributes, by CKA_ number. */
  readonly attributes?: Readonly<Record<number, boolean>>;
}

export interface RsaPair {
  /** Of both halves. */
  readonly label: string;
  /** CKA_ID of both halves, in hex. */
  readonly id: string;
  /** Of the modulus, 2048 by default. */
  readonly bits?: number;
  /** Uses that the pair forbids. */
  readonly without?: readonly ('encrypt' | 'decrypt')[];
  /** Whether the public half is on the token too (it is). */
  readonly publicHalf?: boolean;
  /** Boolean attributes of the private half, by CKA_ number. */
  readonly attributes?: Readonly<Record<number, boolean>>;
}

/** C_CreateObject with a known value, for cross-checks and for the mistakes an operator makes with key objects. */
export function importKey(hsm: SoftHsm, key: ImportedKey): void {
  const { value, ...rest } = key;
  inChild(IMPORT_KEY, hsm.env, { ...hsm, ...rest, value: Buffer.from(value).toString('hex') });
}

/** C_GenerateKeyPair on the token; the private half decrypts, the public half encrypts, unless `pair` says otherwise. */
export function generateRsaPair(hsm: SoftHsm, pair: RsaPair): void {
  inChild(RSA_PAIR, hsm.env, { ...hsm, ...pair });
}

/** As `generateRsaPair`, with a key that the test knows: an RSA private key as `crypto` makes it. */
export function importRsaPair(hsm: SoftHsm, pair: Omit<RsaPair, 'bits'>, key: KeyObject): void {
  inChild(RSA_PAIR, hsm.env, { ...hsm, ...pair, jwk: key.export({ format: 'jwk' }) });
}

/** C_DestroyObject on every secret key with this label; how many there were. */
export function destroyKeys(hsm: SoftHsm, label: string): number {
  return inChild(DESTROY_KEYS, hsm.env, { ...hsm, label }) as number;
}

/** As the security officer, who need not know the PIN before (C_InitPIN). */
export function setUserPin(hsm: SoftHsm, pin: string): void {
  inChild(SET_PIN, hsm.env, { ...hsm, pin });
}

/** Boolean attributes of the one secret or private key with this label, by CKA_ number. */
export function readKeyFlags(hsm: SoftHsm, label: string, attributes: readonly number[]): boolean[] {
  return inChild(READ_FLAGS, hsm.env, { ...hsm, label, attributes }) as boolean[];
}

/** Absolute path of the module: COFFER_TEST_SOFTHSM, where distributions put it, or below .deps. */
export function findSoftHsm(): string {
  const given = process.env['COFFER_TEST_SOFTHSM'];
  const places = given === undefined ? PLACES : [given];
  const found = places.find((place) => existsSync(place)) ?? unpacked();
  if (found === undefined) {
    throw new Error(
      `libsofthsm2.so is in none of: ${places.join(', ')}, ${join(ROOT, '.deps/softhsm')}; set COFFER_TEST_SOFTHSM`,
    );
  }
  return found;
}

const PLACES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/softhsm/libsofthsm2.so`,
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

/** The setup for machines without root unpacks the distribution's package below .deps. */
function unpacked(): string | undefined {
  const folder = join(ROOT, '.deps/softhsm');
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const name = names.find((path) => path.endsWith('libsofthsm2.so'));
  return name === undefined ? undefined : join(folder, name);
}

/** Runs a script with pkcs11js as `pkcs11js` and `input`; what it passes to `give` comes back. */
function inChild(script: string, env: Readonly<Record<string, string>>, input: object): unknown {
  const output = execFileSync(process.execPath, ['-e', PRELUDE + script], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    input: JSON.stringify(input),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return output === '' ? undefined : JSON.parse(output);
}

const PRELUDE = `
  const pkcs11js = require('pkcs11js');
  const input = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
  const give = (value) => process.stdout.write(JSON.stringify(value));
  const p11 = new pkcs11js.PKCS11();
  p11.load(input.lib);
  p11.C_Initialize();
  const ulong = (bytes) => Number(bytes.length === 4 ? bytes.readUInt32LE() : bytes.readBigUInt64LE());
  const tokens = () => p11.C_GetSlotList(true).map((handle) => ({ handle, slot: ulong(handle), ...p11.C_GetTokenInfo(handle) }));
  const open = (handle, user, pin) => {
    const session = p11.C_OpenSession(handle, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    p11.C_Login(session, user, pin);
    return session;
  };
  const userSession = () => open(tokens().find(({ slot }) => slot === input.slot).handle, pkcs11js.CKU_USER, input.pin);
  const keysOfClass = (session, kind) => {
    p11.C_FindObjectsInit(session, [
      { type: pkcs11js.CKA_CLASS, value: kind },
      { type: pkcs11js.CKA_LABEL, value: input.label },
    ]);
    const keys = p11.C_FindObjects(session, 100);
    p11.C_FindObjectsFinal(session);
    return keys;
  };
  const secretKeys = (session) => keysOfClass(session, pkcs11js.CKO_SECRET_KEY);
  const may = (use) => !(input.without ?? []).includes(use);
  const chosen = Object.entries(input.attributes ?? {}).map(([type, value]) => ({ type: Number(type), value }));
`;

/** SoftHSM gives a token its lasting slot number when it looks again after C_InitToken. */
const INIT_TOKEN = `
  const before = tokens();
  const free = before.find(({ flags }) => (flags & pkcs11js.CKF_TOKEN_INITIALIZED) === 0);
  p11.C_InitToken(free.handle, input.soPin, input.label.padEnd(32));
  p11.C_Finalize();
  p11.C_Initialize();
  const made = tokens().find(
    (token) => (token.flags & pkcs11js.CKF_TOKEN_INITIALIZED) !== 0 && !before.some(({ serialNumber }) => serialNumber === token.serialNumber),
  );
  p11.C_InitPIN(open(made.handle, pkcs11js.CKU_SO, input.soPin), input.pin);
  p11.C_Finalize();
  give({ slot: made.slot, serial: made.serialNumber.trim() });
`;

const SET_PIN = `
  p11.C_InitPIN(open(tokens().find(({ slot }) => slot === input.slot).handle, pkcs11js.CKU_SO, input.soPin), input.pin);
  p11.C_Finalize();
`;

const IMPORT_KEY = `
  const types = { aes: pkcs11js.CKK_AES, generic: pkcs11js.CKK_GENERIC_SECRET, 'sha256-hmac': pkcs11js.CKK_SHA256_HMAC };
  p11.C_CreateObject(userSession(), [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_KEY_TYPE, value: types[input.type] },
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_PRIVATE, value: true },
    { type: pkcs11js.CKA_LABEL, value: input.label },
    { type: pkcs11js.CKA_ID, value: Buffer.from(input.id, 'hex') },
    { type: pkcs11js.CKA_VALUE, value: Buffer.from(input.value, 'hex') },
    { type: pkcs11js.CKA_ENCRYPT, value: may('encrypt') },
    { type: pkcs11js.CKA_DECRYPT, value: may('decrypt') },
    { type: pkcs11js.CKA_SIGN, value: may('sign') },
    { type: pkcs11js.CKA_VERIFY, value: may('verify') },
    ...chosen,
  ]);
  p11.C_Finalize();
`;

const RSA_PAIR = `
  const session = userSession();
  const bytes = (name) => Buffer.from(input.jwk[name], 'base64url');
  const common = [
    { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_RSA },
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_LABEL, value: input.label },
    { type: pkcs11js.CKA_ID, value: Buffer.from(input.id, 'hex') },
  ];
  const publicTemplate = [...common, { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PUBLIC_KEY }, { type: pkcs11js.CKA_ENCRYPT, value: may('encrypt') }];
  const privateTemplate = [
    ...common,
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
    { type: pkcs11js.CKA_PRIVATE, value: true },
    { type: pkcs11js.CKA_SENSITIVE, value: true },
    { type: pkcs11js.CKA_DECRYPT, value: may('decrypt') },
    ...chosen,
  ];
  const withPublic = input.publicHalf ?? true;
  if (input.jwk === undefined) {
    const shape = [{ type: pkcs11js.CKA_MODULUS_BITS, value: input.bits ?? 2048 }, { type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.of(1, 0, 1) }];
    const { publicKey } = p11.C_GenerateKeyPair(session, { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN }, [...publicTemplate, ...shape], privateTemplate);
    if (!withPublic) p11.C_DestroyObject(session, publicKey);
  } else {
    const modulus = [{ type: pkcs11js.CKA_MODULUS, value: bytes('n') }, { type: pkcs11js.CKA_PUBLIC_EXPONENT, value: bytes('e') }];
    const secrets = { d: 'CKA_PRIVATE_EXPONENT', p: 'CKA_PRIME_1', q: 'CKA_PRIME_2', dp: 'CKA_EXPONENT_1', dq: 'CKA_EXPONENT_2', qi: 'CKA_COEFFICIENT' };
    const parts = Object.entries(secrets).map(([name, attribute]) => ({ type: pkcs11js[attribute], value: bytes(name) }));
    if (withPublic) p11.C_CreateObject(session, [...publicTemplate, ...modulus]);
    p11.C_CreateObject(session, [...privateTemplate, ...modulus, ...parts]);
  }
  p11.C_Finalize();
`;

const DESTROY_KEYS = `
  const session = userSession();
  const keys = secretKeys(session);
  for (const key of keys) p11.C_DestroyObject(session, key);
  p11.C_Finalize();
  give(keys.length);
`;

const READ_FLAGS = `
  const session = userSession();
  const [key] = [...secretKeys(session), ...keysOfClass(session, pkcs11js.CKO_PRIVATE_KEY)];
  give(p11.C_GetAttributeValue(session, key, input.attributes.map((type) => ({ type }))).map(({ value }) => value[0] === 1));
  p11.C_Finalize();
`;
