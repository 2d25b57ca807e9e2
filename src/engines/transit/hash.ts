import { createHash } from 'node:crypto';
import { answer, type Handler } from '../engine.ts';
import { hashOf } from './hashes.ts';
import { choice, requiredBase64 } from './input.ts';

/** hash, hash/ALGORITHM: the digest of the input. */
export const hash: Handler<unknown> = async (_context, data, parts) => {
  const { openssl } = hashOf(data, parts, ['algorithm'], { sha1: false });
  const format = choice(data, 'format', ['hex', 'base64']);
  return answer({ sum: createHash(openssl).update(requiredBase64(data, 'input')).digest(format) });
};
