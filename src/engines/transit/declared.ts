import { type KnownParameters, optional, optionalMembers, required } from '../declare.ts';

// What the routes of transit take, with the names that Vault gives it.

const HASHES = 'sha2-224, -256, -384, -512, sha3-224, -256, -384 or -512';
const TYPES =
  'aes128-gcm96, aes256-gcm96, chacha20-poly1305, ed25519, ecdsa-p256, -p384, -p521, rsa-2048, -3072, -4096';
const CONTEXT = optional('base64', 'what a key is derived with, where the key is derived');
const VERSION = optional('integer', 'the version to use; 0 is the newest', '0');
const REFERENCE = optional('text', 'comes back with the result of the item');
const FORMAT = (words: string, preset: string | null) => optional('text', words, preset);

const CIPHER: KnownParameters = {
  context: CONTEXT,
  associated_data: optional('base64', 'what is authenticated, but not encrypted; not for RSA keys'),
  padding_scheme: optional('text', 'of RSA keys; oaep alone', 'oaep'),
  nonce: optional('base64', 'refused: it is made for you'),
};
const PARTIAL: KnownParameters = {
  partial_failure_response_code: optional(
    'integer',
    'what a server would answer where some items of a batch fail: with 200 to 399 the command exits 0',
    '400',
  ),
};
const PROTECTION: KnownParameters = {
  exportable: optional('boolean', 'whether the key may be exported; cannot be taken back', 'false'),
  allow_plaintext_backup: optional('boolean', 'whether the key may be backed up; cannot be taken back', 'false'),
  auto_rotate_period: optional('duration', '0 alone: nothing runs that could rotate', '0'),
};
const MANAGED: KnownParameters = {
  managed_key_name: optional('text', 'the label of the key object, for type managed_key'),
  managed_key_id: optional('text', 'its CKA_ID in hex'),
};

export const readKeyTakes: KnownParameters = {
  context: optional('base64', 'shows the public keys that a derived key has for this context'),
};

export const writeKeyTakes: KnownParameters = {
  type: optional('text', `${TYPES}, hmac or managed_key`, 'aes256-gcm96'),
  derived: optional('boolean', 'whether keys are derived of it, each with a context', 'false'),
  convergent_encryption: optional('boolean', 'whether equal plaintexts give equal ciphertexts; needs derived', 'false'),
  ...PROTECTION,
  key_size: optional('integer', 'bytes of a key of type hmac, 32 to 512', '32'),
  ...MANAGED,
  generate: optional('boolean', 'whether the key object is made in the HSM', 'false'),
  key_type: optional('text', 'what to make: aes256, rsa-2048, -3072, -4096, ecdsa-p256, -p384 or -p521'),
};

export const rotateTakes: KnownParameters = MANAGED;

export const configTakes: KnownParameters = {
  min_decryption_version: optional('integer', 'the oldest version that decrypts and verifies'),
  min_encryption_version: optional('integer', 'the oldest version that encrypts and signs; 0: no limit'),
  deletion_allowed: optional('boolean', 'whether the key may be deleted'),
  ...PROTECTION,
};

export const trimTakes: KnownParameters = {
  min_available_version: required('integer', 'versions before it are removed for good'),
};

const WRAPPED: KnownParameters = {
  ciphertext: optional('base64', 'the key, wrapped by wrapping_key; or else public_key'),
  public_key: optional('text', 'the public key alone, in PEM'),
  hash_function: optional('text', 'of the wrapping: SHA1, SHA224, SHA256, SHA384 or SHA512', 'SHA256'),
};

export const importTakes: KnownParameters = {
  ...WRAPPED,
  type: optional('text', `${TYPES} or hmac`, 'aes256-gcm96'),
  allow_rotation: optional('boolean', 'whether coffer may add versions of its own', 'false'),
  derived: optional('boolean', 'whether keys are derived of it, each with a context', 'false'),
  ...PROTECTION,
  convergent_encryption: optional('boolean', 'refused for an imported key'),
};

export const importVersionTakes: KnownParameters = {
  ...WRAPPED,
  version: optional('integer', 'the version that gets its private key; none for a new version'),
};

const PLAINTEXT = required('base64', 'what to encrypt');
const CIPHERTEXT = required('text', 'what encrypt gave');

export const encryptTakes: KnownParameters = {
  plaintext: PLAINTEXT,
  ...CIPHER,
  key_version: VERSION,
  type: optional(
    'text',
    'of a key that is created here: aes128-gcm96, aes256-gcm96 or chacha20-poly1305',
    'aes256-gcm96',
  ),
  convergent_encryption: optional('boolean', 'of a key that is created here', 'false'),
  ...PARTIAL,
  batch_input: optionalMembers('list', 'items to encrypt instead of plaintext', {
    plaintext: PLAINTEXT,
    ...CIPHER,
    key_version: VERSION,
    reference: REFERENCE,
  }),
};

/** So that results of encrypt and sign can be given as they are. */
const RESULT_VERSION: KnownParameters = { key_version: optional('integer', 'not needed: the value itself says it') };

export const decryptTakes: KnownParameters = {
  ciphertext: CIPHERTEXT,
  ...CIPHER,
  ...PARTIAL,
  batch_input: optionalMembers('list', 'items to decrypt instead of ciphertext', {
    ciphertext: CIPHERTEXT,
    ...CIPHER,
    ...RESULT_VERSION,
    reference: REFERENCE,
  }),
};

export const rewrapTakes: KnownParameters = {
  ciphertext: CIPHERTEXT,
  ...CIPHER,
  key_version: VERSION,
  batch_input: optionalMembers('list', 'items to rewrap instead of ciphertext', {
    ciphertext: CIPHERTEXT,
    ...CIPHER,
    key_version: VERSION,
    reference: REFERENCE,
  }),
};

export const dataKeyTakes: KnownParameters = {
  bits: optional('integer', '128, 256 or 512', '256'),
  ...CIPHER,
  key_version: VERSION,
};

const INPUT = required('base64', 'the message, or with prehashed its digest');
const SIGNING: KnownParameters = {
  prehashed: optional('boolean', 'whether input is a digest already', 'false'),
  signature_algorithm: optional('text', 'of RSA keys: pss or pkcs1v15', 'pss'),
  marshaling_algorithm: optional('text', 'of ECDSA signatures: asn1 or jws', 'asn1'),
  salt_length: optional('text', 'of pss: auto, hash or a number of bytes', 'auto'),
};
/** Where the path names no hash. */
const SIGNING_HASH: KnownParameters = {
  hash_algorithm: optional('text', `sha1, ${HASHES}, or none`, 'sha2-256'),
  algorithm: optional('text', 'an older name of hash_algorithm', 'sha2-256'),
};
const HASH: KnownParameters = { algorithm: optional('text', HASHES, 'sha2-256') };

export const signPathTakes: KnownParameters = {
  input: INPUT,
  context: CONTEXT,
  key_version: VERSION,
  ...SIGNING,
  batch_input: optionalMembers('list', 'items to sign instead of input', {
    input: INPUT,
    context: CONTEXT,
    reference: REFERENCE,
  }),
};
export const signTakes: KnownParameters = { ...signPathTakes, ...SIGNING_HASH };

const CLAIM: KnownParameters = {
  signature: optional('text', 'what sign gave; or else hmac'),
  hmac: optional('text', 'what hmac gave'),
};

export const verifyPathTakes: KnownParameters = {
  input: INPUT,
  ...CLAIM,
  context: CONTEXT,
  ...SIGNING,
  batch_input: optionalMembers('list', 'items to verify, all with a signature or all with an hmac', {
    input: INPUT,
    ...CLAIM,
    context: CONTEXT,
    ...RESULT_VERSION,
    publickey: optional('base64', 'not needed: the key has it'),
    reference: REFERENCE,
  }),
};
export const verifyTakes: KnownParameters = { ...verifyPathTakes, ...SIGNING_HASH };

const MESSAGE = required('base64', 'the message');

export const hmacPathTakes: KnownParameters = {
  input: MESSAGE,
  key_version: VERSION,
  batch_input: optionalMembers('list', 'items instead of input', { input: MESSAGE, reference: REFERENCE }),
};
export const hmacTakes: KnownParameters = {
  ...hmacPathTakes,
  algorithm: optional('text', `sha1, ${HASHES}`, 'sha2-256'),
};

export const hashPathTakes: KnownParameters = { input: MESSAGE, format: FORMAT('hex or base64', 'hex') };
export const hashTakes: KnownParameters = { ...hashPathTakes, ...HASH };

export const randomFormatTakes: KnownParameters = { format: FORMAT('base64 or hex', 'base64') };
export const randomTakes: KnownParameters = {
  bytes: optional('integer', 'how many, up to 131072', '32'),
  source: optional('text', 'platform, seal (the HSM) or all (both)', 'platform'),
  ...randomFormatTakes,
};

export const exportTakes: KnownParameters = {
  format: FORMAT(
    'raw (symmetric keys and ed25519), der or pem (SubjectPublicKeyInfo or PKCS#8); none: as the type has it',
    null,
  ),
};

export const backupTakes: KnownParameters = { dialect: optional('text', 'vault or openbao', 'vault') };

export const restorePathTakes: KnownParameters = {
  backup: required('text', 'what backup gave'),
  force: optional('boolean', 'whether a key of that name is replaced', 'false'),
};
export const restoreTakes: KnownParameters = {
  ...restorePathTakes,
  name: optional('text', 'of the restored key; none: as the backup has it'),
};
