import { createPublicKey, type KeyObject } from 'node:crypto';
import { asBuffer, ByteReader, hex, MalformedBytes } from '../../bytes.ts';
import { DER, OID, oidParameters, readAlgorithm, readDer, writeDer } from './der.ts';
import { ED25519_BYTES, ed25519PublicKey } from './material.ts';
import { parseRsaPublicKey } from './rsa-key.ts';
import { EC_TYPES, type EcType } from './types.ts';

const DER_NULL = hex(writeDer(DER.null));
/** SEC 1 section 2.3.3. */
const UNCOMPRESSED = 4;

/**
 * The public key in SubjectPublicKeyInfo (RFC 5280) that is the first block of PEM in the text. OpenSSL takes much more
 * for a public key: certificates, private keys, PKCS#1, curves by their parameters, compressed points. Vault does not.
 * @throws MalformedBytes, or another error of node:crypto's, when it is none that transit has a type for
 */
export function parsePublicPem(text: string): KeyObject {
  const [, , body = ''] = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/.exec(text) ?? [];
  return parseSpki(Buffer.from(body, 'base64'));
}

function parseSpki(der: Buffer): KeyObject {
  const outer = new ByteReader(der);
  const fields = new ByteReader(readDer(outer, DER.sequence));
  outer.end();
  const { oid, parameters } = readAlgorithm(fields);
  const bits = new ByteReader(readDer(fields, DER.bitString));
  fields.end();
  if (bits.u8() !== 0) throw new MalformedBytes('the key is not whole bytes');
  const key = bits.raw(bits.remaining);
  if (oid === OID.ed25519 && parameters === '' && key.length === ED25519_BYTES) return ed25519PublicKey(key);
  const ecType = EC_TYPES.find((type) => oid === OID.ec && oidParameters(type.oid) === parameters);
  if (oid === OID.rsa && parameters === DER_NULL) return parseRsaPublicKey(key);
  if (ecType !== undefined && isPoint(ecType, key))
    return createPublicKey({ key: asBuffer(der), format: 'der', type: 'spki' });
  throw new MalformedBytes('the algorithm, the curve or the form of the point is another');
}

function isPoint(type: EcType, key: Uint8Array): boolean {
  return key[0] === UNCOMPRESSED && key.length === 1 + 2 * type.bytes;
}
