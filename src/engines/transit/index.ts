import type { Engine } from '../engine.ts';
import { backup, restore } from './backup.ts';
import { configure, trim } from './configure.ts';
import { plaintextDataKey, wrappedDataKey } from './datakey.ts';
import { decrypt, encrypt, rewrap } from './encrypt.ts';
import { exportKey } from './export.ts';
import { hash } from './hash.ts';
import { hmac } from './hmac.ts';
import { keyObjects } from './hsm-key.ts';
import { importKey, importVersion } from './import.ts';
import { listKeys, readKey, removeKey, rotate, writeKey } from './keys.ts';
import { random } from './random.ts';
import { sign, verify } from './sign.ts';
import { readWrappingKey } from './wrapping.ts';

/** Cryptography as a service, compatible with Vault's transit: named keys with versions, which callers use but do not see. */
export const transit: Engine = {
  type: 'transit',
  rowName: ([, ...key]) => `keys/${key.join('/')}`,
  check: async (context) => (await import('./check.ts')).checkTransit(context),
  keyObjects,
  routes: [
    { pattern: 'keys', help: 'the names of the keys', operations: { list: listKeys } },
    { pattern: 'keys/:name', help: 'a key: create, read, or remove it; type=managed_key managed_key_name=LABEL for a key object in the HSM, generate=true key_type=TYPE to make that', operations: { read: readKey, write: writeKey, delete: removeKey } },
    { pattern: 'keys/:name/rotate', help: 'add a version to a key', operations: { write: rotate } },
    { pattern: 'keys/:name/config', help: 'set which versions serve, and what is allowed', operations: { write: configure } },
    { pattern: 'keys/:name/trim', help: 'remove old versions for good', operations: { write: trim } },
    { pattern: 'keys/:name/import', help: 'create a key from one that was made outside', operations: { write: importKey } },
    { pattern: 'keys/:name/import_version', help: 'add a version that was made outside, or the private key to a public one', operations: { write: importVersion } },
    { pattern: 'wrapping_key', help: 'the public key that wraps keys for import', operations: { read: readWrappingKey } },
    { pattern: 'encrypt/:name', help: 'encrypt plaintext; creates a missing key', operations: { write: encrypt } },
    { pattern: 'decrypt/:name', help: 'decrypt ciphertext', operations: { write: decrypt } },
    { pattern: 'rewrap/:name', help: 'encrypt ciphertext again with the latest version', operations: { write: rewrap } },
    { pattern: 'datakey/plaintext/:name', help: 'a new data key, in the clear and encrypted', operations: { write: plaintextDataKey } },
    { pattern: 'datakey/wrapped/:name', help: 'a new data key, encrypted only', operations: { write: wrappedDataKey } },
    { pattern: 'sign/:name', help: 'sign input', operations: { write: sign } },
    { pattern: 'sign/:name/:algorithm', help: 'sign input with a hash algorithm', operations: { write: sign } },
    { pattern: 'verify/:name', help: 'verify a signature or an HMAC', operations: { write: verify } },
    { pattern: 'verify/:name/:algorithm', help: 'verify with a hash algorithm', operations: { write: verify } },
    { pattern: 'hmac/:name', help: 'the HMAC of input', operations: { write: hmac } },
    { pattern: 'hmac/:name/:algorithm', help: 'the HMAC with a hash algorithm', operations: { write: hmac } },
    { pattern: 'hash', help: 'the digest of input', operations: { write: hash } },
    { pattern: 'hash/:algorithm', help: 'the digest with a hash algorithm', operations: { write: hash } },
    { pattern: 'random', help: 'random bytes', operations: { write: random } },
    { pattern: 'random/:bytes', help: 'that many random bytes; or those of a source', operations: { write: random } },
    { pattern: 'random/:source/:bytes', help: 'from platform, seal (the HSM) or all (both)', operations: { write: random } },
    { pattern: 'export/:kind/:name', help: 'key material, if the key is exportable', operations: { read: exportKey } },
    { pattern: 'export/:kind/:name/:version', help: 'that of one version, or of "latest"', operations: { read: exportKey } },
    { pattern: 'backup/:name', help: 'a whole key in the clear, if it allows that; dialect=openbao numbers its type as OpenBao does', operations: { read: backup } },
    { pattern: 'restore', help: 'bring a backup back; warns of what of it was not kept', operations: { write: restore } },
    { pattern: 'restore/:name', help: 'bring a backup back under a name; warns of what of it was not kept', operations: { write: restore } },
  ],
};
