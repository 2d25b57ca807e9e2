import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inChild, type Step, type TestModule } from '../support/modules/token.ts';

/** What a module does not do, with what it says. */
export type Refusals = { readonly [step in Step]?: string };

/** Tries on a token of its own what releases of a module differ in, with pkcs11js alone: coffer has no part in it. */
export async function probe(module: TestModule): Promise<Refusals> {
  if (module.missing !== null) return {};
  const dir = mkdtempSync(join(tmpdir(), 'coffer-probe-'));
  try {
    const token = await module.create(dir);
    try {
      return inChild(PROBE, token, token) as Refusals;
    } finally {
      token.remove();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/**
 * Takes the key "wrapping" of a token that came with one, else makes keys; the token goes away with them. pkcs11js drops the
 * parameters' last character.
 */
const PROBE = `
  const { CKA_CLASS, CKA_TOKEN, CKA_LABEL, CKA_ENCRYPT, CKA_DECRYPT, CKA_VALUE_LEN, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT } = pkcs11js;
  const { CK_PARAMS_AES_GCM, CK_PARAMS_AES_GCM_v240, CK_PARAMS_RSA_OAEP, CKM_SHA_1, CKG_MGF1_SHA1, CKM_SHA256, CKG_MGF1_SHA256 } = pkcs11js;
  p11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK, ...(input.parameters === undefined ? {} : { libraryParameters: input.parameters + ' ' }) });
  const slot = p11.C_GetSlotList(true).find((each) => (p11.C_GetTokenInfo(each).flags & pkcs11js.CKF_USER_PIN_INITIALIZED) !== 0);
  const session = open(slot, pkcs11js.CKU_USER, input.pin);
  const attribute = (type, value) => ({ type, value });
  const uses = [attribute(CKA_TOKEN, true), attribute(CKA_ENCRYPT, true), attribute(CKA_DECRYPT, true)];
  const given = (kind) => {
    p11.C_FindObjectsInit(session, [attribute(CKA_CLASS, kind), attribute(CKA_LABEL, 'wrapping')]);
    const [key] = p11.C_FindObjects(session, 1);
    p11.C_FindObjectsFinal(session);
    return key;
  };
  const newAes = () => p11.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [...uses, attribute(CKA_VALUE_LEN, 32)]);
  const aes = () => {
    const key = given(pkcs11js.CKO_SECRET_KEY) ?? newAes();
    return { publicKey: key, privateKey: key, room: 64 };
  };
  const rsa = () => {
    const shape = [attribute(CKA_MODULUS_BITS, 2048), attribute(CKA_PUBLIC_EXPONENT, Buffer.of(1, 0, 1))];
    const half = (use) => [attribute(CKA_TOKEN, true), attribute(use, true)];
    const pair = p11.C_GenerateKeyPair(session, { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN }, [...half(CKA_ENCRYPT), ...shape], half(CKA_DECRYPT));
    return { ...pair, room: 256 }; // tpm2-pkcs11 1.9 says nothing of the length where there is more
  };
  const iv = Buffer.alloc(16, 7);
  const secret = Buffer.alloc(32, 8);
  const gcm = (type) => ({ type, iv: Buffer.alloc(12, 7), tagBits: 128, ...(type === CK_PARAMS_AES_GCM_v240 ? { ivBits: 96 } : {}) });
  // Each has a session of its own, since one that fails may leave it in the middle of something.
  const comesBack = (mechanism, { publicKey, privateKey, room }) => {
    const own = p11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    p11.C_EncryptInit(own, mechanism, publicKey);
    const sealed = p11.C_Encrypt(own, secret, Buffer.alloc(room));
    p11.C_DecryptInit(own, mechanism, privateKey);
    if (!p11.C_Decrypt(own, sealed, Buffer.alloc(sealed.length)).equals(secret)) throw new Error('CKR_OK, and gives back something else');
  };
  const either = (one, other) => {
    try { one(); } catch { other(); }
  };
  const oaepBy = (hashAlg, mgf) => comesBack({ mechanism: pkcs11js.CKM_RSA_PKCS_OAEP, parameter: { type: CK_PARAMS_RSA_OAEP, hashAlg, mgf, source: 1 } }, rsa());
  const gcmBy = (type) => comesBack({ mechanism: pkcs11js.CKM_AES_GCM, parameter: gcm(type) }, aes());
  const steps = {
    random: () => void p11.C_GenerateRandom(session, Buffer.alloc(32)),
    rotation: () => void newAes(),
    'aes-cbc-pad': () => comesBack({ mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter: iv }, aes()),
    'aes-cbc': () => comesBack({ mechanism: pkcs11js.CKM_AES_CBC, parameter: iv }, aes()),
    'aes-gcm': () => either(() => gcmBy(CK_PARAMS_AES_GCM_v240), () => gcmBy(CK_PARAMS_AES_GCM)),
    'rsa-oaep': () => either(() => oaepBy(CKM_SHA256, CKG_MGF1_SHA256), () => oaepBy(CKM_SHA_1, CKG_MGF1_SHA1)),
    'rsa-pkcs': () => comesBack({ mechanism: pkcs11js.CKM_RSA_PKCS }, rsa()),
  };
  const refusals = {};
  for (const [step, run] of Object.entries(steps)) {
    try {
      run();
    } catch (error) {
      refusals[step] = 'the module says ' + error.message;
    }
  }
  p11.C_Finalize();
  give(refusals);
`;
