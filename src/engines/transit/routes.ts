import type { Route } from '../engine.ts';
import { backup, restore } from './backup.ts';
import { configure, trim } from './configure.ts';
import { plaintextDataKey, wrappedDataKey } from './datakey.ts';
import { decrypt, encrypt, rewrap } from './encrypt.ts';
import { exportKey } from './export.ts';
import { hash } from './hash.ts';
import { hmac } from './hmac.ts';
import { importKey, importVersion } from './import.ts';
import { listKeys, readKey, removeKey, rotate, writeKey } from './keys.ts';
import { random } from './random.ts';
import { sign, verify } from './sign.ts';
import { readWrappingKey } from './wrapping.ts';

export const routes: readonly Route[] = [
  ['keys', 'the names of the keys', { list: listKeys }],
  [
    'keys/:name',
    'a key: create, read, or remove it; type=managed_key managed_key_name=LABEL for a key object in the HSM, generate=true key_type=TYPE to make that',
    { read: readKey, write: writeKey, delete: removeKey },
  ],
  ['keys/:name/rotate', 'add a version to a key', { write: rotate }],
  ['keys/:name/config', 'set which versions serve, and what is allowed', { write: configure }],
  ['keys/:name/trim', 'remove old versions for good', { write: trim }],
  ['keys/:name/import', 'create a key from one that was made outside', { write: importKey }],
  [
    'keys/:name/import_version',
    'add a version that was made outside, or the private key to a public one',
    { write: importVersion },
  ],
  ['wrapping_key', 'the public key that wraps keys for import', { read: readWrappingKey }],
  ['encrypt/:name', 'encrypt plaintext; creates a missing key', { write: encrypt }],
  ['decrypt/:name', 'decrypt ciphertext', { write: decrypt }],
  ['rewrap/:name', 'encrypt ciphertext again with the latest version', { write: rewrap }],
  ['datakey/plaintext/:name', 'a new data key, in the clear and encrypted', { write: plaintextDataKey }],
  ['datakey/wrapped/:name', 'a new data key, encrypted only', { write: wrappedDataKey }],
  ['sign/:name', 'sign input', { write: sign }],
  ['sign/:name/:algorithm', 'sign input with a hash algorithm', { write: sign }],
  ['verify/:name', 'verify a signature or an HMAC', { write: verify }],
  ['verify/:name/:algorithm', 'verify with a hash algorithm', { write: verify }],
  ['hmac/:name', 'the HMAC of input', { write: hmac }],
  ['hmac/:name/:algorithm', 'the HMAC with a hash algorithm', { write: hmac }],
  ['hash', 'the digest of input', { write: hash }],
  ['hash/:algorithm', 'the digest with a hash algorithm', { write: hash }],
  ['random', 'random bytes', { write: random }],
  ['random/:bytes', 'that many random bytes; or those of a source', { write: random }],
  ['random/:source/:bytes', 'from platform, seal (the HSM) or all (both)', { write: random }],
  ['export/:kind/:name', 'key material, if the key is exportable', { read: exportKey }],
  ['export/:kind/:name/:version', 'that of one version, or of "latest"', { read: exportKey }],
  [
    'backup/:name',
    'a whole key in the clear, if it allows that; dialect=openbao numbers its type as OpenBao does',
    { read: backup },
  ],
  ['restore', 'bring a backup back; warns of what of it was not kept', { write: restore }],
  ['restore/:name', 'bring a backup back under a name; warns of what of it was not kept', { write: restore }],
];
