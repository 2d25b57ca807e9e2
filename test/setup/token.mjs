// A SoftHSM token made over PKCS#11 itself, so that no softhsm2-util is needed. Runs in a process of its own:
//
//   node token.mjs FOLDER MODULE LABEL

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import pkcs11js from 'pkcs11js';

const PIN_DIGITS = 12;
const [folder, module, label] = process.argv.slice(2);
const tokens = join(folder, 'tokens');
const conf = join(folder, 'softhsm2.conf');

mkdirSync(folder, { recursive: true, mode: 0o700 });
chmodSync(folder, 0o700);
const pin = secretIn('pin');
const soPin = secretIn('so-pin');
mkdirSync(tokens, { recursive: true, mode: 0o700 });
writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
// SoftHSM reads it in C_Initialize.
process.env.SOFTHSM2_CONF = conf;

if (withModule(loginWorks)) {
  console.log('setup: the token is there');
} else if (existsSync(join(folder, 'coffer.db'))) {
  console.error(`setup: ${folder} has a store but no token that opens it; remove ${folder} to start anew`);
  process.exitCode = 1;
} else {
  rmSync(tokens, { recursive: true });
  mkdirSync(tokens, { mode: 0o700 });
  withModule(makeToken);
  console.log(`setup: made the SoftHSM token ${label} in ${tokens}`);
}

/** The PIN in a file that only the user can read, made up on the first run. */
function secretIn(name) {
  const path = join(folder, name);
  if (existsSync(path)) return readFileSync(path, 'latin1').trim();
  const secret = Array.from({ length: PIN_DIGITS }, () => randomInt(10)).join('');
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  return secret;
}

function withModule(use) {
  const pkcs11 = new pkcs11js.PKCS11();
  pkcs11.load(module);
  pkcs11.C_Initialize();
  try {
    return use(pkcs11);
  } finally {
    pkcs11.C_Finalize();
    pkcs11.close();
  }
}

function slotOfToken(pkcs11) {
  return pkcs11.C_GetSlotList(true).find((slot) => pkcs11.C_GetTokenInfo(slot).label.trimEnd() === label);
}

function loginWorks(pkcs11) {
  const slot = slotOfToken(pkcs11);
  if (slot === undefined) return false;
  const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION);
  try {
    pkcs11.C_Login(session, pkcs11js.CKU_USER, pin);
    return true;
  } catch {
    return false;
  }
}

function makeToken(pkcs11) {
  // PKCS#11 v2.40 section 5.5 wants the label padded with blanks to 32 characters.
  pkcs11.C_InitToken(pkcs11.C_GetSlotList(true)[0], soPin, label.padEnd(32));
  const slot = slotOfToken(pkcs11);
  const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  pkcs11.C_Login(session, pkcs11js.CKU_SO, soPin);
  pkcs11.C_InitPIN(session, pin);
}
