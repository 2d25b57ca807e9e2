import type { Route } from '../engine.ts';
import { backup, restore } from './backup.ts';
import { configure, trim } from './configure.ts';
import { plaintextDataKey, wrappedDataKey } from './datakey.ts';
import * as takes from './declared.ts';
import { decrypt, encrypt, rewrap } from './encrypt.ts';
import { exportKey } from './export.ts';
import { hash } from './hash.ts';
import { hmac } from './hmac.ts';
import { importKey, importVersion } from './import.ts';
import { listKeys, readKey, removeKey, rotate, writeKey } from './keys.ts';
import { random } from './random.ts';
import { sign, verify } from './sign.ts';
import { readWrappingKey } from './wrapping.ts';

const PLAINTEXT = ['write', 'plaintext=aGVsbG8='] as const;
const INPUT = ['write', 'input=aGVsbG8='] as const;
const CIPHERTEXT = ['write', 'ciphertext=vault:v1:...'] as const;
const SIGNATURE = ['write', 'input=aGVsbG8= signature=vault:v1:...'] as const;
const BACKUP = ['write', 'backup=@key.backup'] as const;
const HEX = ['write', 'format=hex'] as const;

export const routes: readonly Route[] = [
  ['keys', 'the names of the keys', { list: listKeys }],
  [
    'keys/:name',
    'a key: create, read, or remove it; type=managed_key managed_key_name=LABEL for a key object in the HSM, generate=true key_type=TYPE to make that',
    { read: readKey, write: writeKey, delete: removeKey },
    { read: takes.readKeyTakes, write: takes.writeKeyTakes },
    ['write', 'type=ed25519'],
  ],
  ['keys/:name/rotate', 'add a version to a key', { write: rotate }, { write: takes.rotateTakes }],
  [
    'keys/:name/config',
    'set which versions serve, and what is allowed',
    { write: configure },
    { write: takes.configTakes },
    ['write', 'deletion_allowed=true'],
  ],
  [
    'keys/:name/trim',
    'remove old versions for good',
    { write: trim },
    { write: takes.trimTakes },
    ['write', 'min_available_version=2'],
  ],
  [
    'keys/:name/import',
    'create a key from one that was made outside',
    { write: importKey },
    { write: takes.importTakes },
    ['write', 'type=ed25519 ciphertext=@wrapped.base64'],
  ],
  [
    'keys/:name/import_version',
    'add a version that was made outside, or the private key to a public one',
    { write: importVersion },
    { write: takes.importVersionTakes },
    ['write', 'ciphertext=@wrapped.base64'],
  ],
  ['wrapping_key', 'the public key that wraps keys for import', { read: readWrappingKey }],
  [
    'encrypt/:name',
    'encrypt plaintext; creates a missing key',
    { write: encrypt },
    { write: takes.encryptTakes },
    PLAINTEXT,
  ],
  ['decrypt/:name', 'decrypt ciphertext', { write: decrypt }, { write: takes.decryptTakes }, CIPHERTEXT],
  [
    'rewrap/:name',
    'encrypt ciphertext again with the latest version',
    { write: rewrap },
    { write: takes.rewrapTakes },
    CIPHERTEXT,
  ],
  [
    'datakey/plaintext/:name',
    'a new data key, in the clear and encrypted',
    { write: plaintextDataKey },
    { write: takes.dataKeyTakes },
    ['write', 'bits=128'],
  ],
  [
    'datakey/wrapped/:name',
    'a new data key, encrypted only',
    { write: wrappedDataKey },
    { write: takes.dataKeyTakes },
    ['write', 'bits=128'],
  ],
  ['sign/:name', 'sign input', { write: sign }, { write: takes.signTakes }, INPUT],
  ['sign/:name/:algorithm', 'sign input with a hash algorithm', { write: sign }, { write: takes.signPathTakes }, INPUT],
  ['verify/:name', 'verify a signature or an HMAC', { write: verify }, { write: takes.verifyTakes }, SIGNATURE],
  [
    'verify/:name/:algorithm',
    'verify a signature or an HMAC with a hash algorithm',
    { write: verify },
    { write: takes.verifyPathTakes },
    SIGNATURE,
  ],
  ['hmac/:name', 'the HMAC of input', { write: hmac }, { write: takes.hmacTakes }, INPUT],
  [
    'hmac/:name/:algorithm',
    'the HMAC of input with a hash algorithm',
    { write: hmac },
    { write: takes.hmacPathTakes },
    INPUT,
  ],
  ['hash', 'the digest of input', { write: hash }, { write: takes.hashTakes }, INPUT],
  [
    'hash/:algorithm',
    'the digest of input with a hash algorithm',
    { write: hash },
    { write: takes.hashPathTakes },
    INPUT,
  ],
  ['random', 'random bytes', { write: random }, { write: takes.randomTakes }, ['write', 'bytes=16 format=hex']],
  [
    'random/:bytes',
    'random bytes, so many, or those of the source that is named instead',
    { write: random },
    { write: takes.randomTakes },
    HEX,
  ],
  [
    'random/:source/:bytes',
    'random bytes, so many, from platform, seal (the HSM) or all (both)',
    { write: random },
    { write: takes.randomFormatTakes },
    HEX,
  ],
  ['export/:kind/:name', 'key material, if the key is exportable', { read: exportKey }, { read: takes.exportTakes }],
  [
    'export/:kind/:name/:version',
    'key material of one version, or of "latest", if the key is exportable',
    { read: exportKey },
    { read: takes.exportTakes },
  ],
  [
    'backup/:name',
    'a whole key in the clear, if it allows that; dialect=openbao numbers its type as OpenBao does',
    { read: backup },
    { read: takes.backupTakes },
  ],
  [
    'restore',
    'bring a backup back; warns of what of it was not kept',
    { write: restore },
    { write: takes.restoreTakes },
    BACKUP,
  ],
  [
    'restore/:name',
    'bring a backup back under a name; warns of what of it was not kept',
    { write: restore },
    { write: takes.restorePathTakes },
    BACKUP,
  ],
];
