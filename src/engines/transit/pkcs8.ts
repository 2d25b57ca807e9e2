import type { KeyObject } from 'node:crypto';
import { ByteReader, MalformedBytes } from '../../bytes.ts';
import { toBigInt } from './bigint.ts';
import { DER, OID, oidParameters, readAlgorithm, readDer } from './der.ts';
import { ecPrivateKey } from './generate-ec.ts';
import { ED25519_BYTES, ed25519PrivateKey } from './material.ts';
import { parseRsaPrivateKey } from './rsa-key.ts';
import { EC_TYPES } from './types.ts';

/**
 * How NSS names the curve of ed25519 within a key that is otherwise one of elliptic curves: 1.3.6.1.4.1.11591.15.1, or
 * 1.3.101.110 of a draft that became RFC 8410.
 */
const NSS_ED25519 = ['2b06010401da470f01', '2b656e'].map(oidParameters);

/**
 * The private key in PKCS#8 (RFC 5958) in DER. Read here and not by OpenSSL, which takes more than Vault does. What
 * follows the fields that count is ignored, as there: attributes, and a public key, which follows from the private one.
 * @throws MalformedBytes, or another error of node:crypto's, when it is none that transit has a type for
 */
export function parsePkcs8(der: Uint8Array): KeyObject {
  const fields = new ByteReader(readDer(new ByteReader(der), DER.sequence));
  readDer(fields, DER.integer);
  const { oid, parameters } = readAlgorithm(fields);
  const content = readDer(fields, DER.octetString);
  if (oid === OID.rsa || oid === OID.rsaPss) return parseRsaPrivateKey(content);
  if (oid === OID.ed25519 && parameters === '')
    return ed25519PrivateKey(seedOf(readDer(new ByteReader(content), DER.octetString)));
  if (oid !== OID.ec) throw new MalformedBytes('the algorithm is another');
  const secret = ecSecret(content);
  if (NSS_ED25519.includes(parameters)) return ed25519PrivateKey(seedOf(secret));
  const type = EC_TYPES.find((known) => oidParameters(known.oid) === parameters);
  if (type === undefined) throw new MalformedBytes('the curve is another, or is given by its parameters');
  return ecPrivateKey(type, toBigInt(secret));
}

/** The private key in ECPrivateKey (RFC 5915 section 3). */
function ecSecret(content: Uint8Array): Uint8Array {
  const fields = new ByteReader(readDer(new ByteReader(content), DER.sequence));
  readDer(fields, DER.integer);
  return readDer(fields, DER.octetString);
}

function seedOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== ED25519_BYTES) throw new MalformedBytes('the seed has another length');
  return bytes;
}
