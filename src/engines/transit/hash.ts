import { createHash } from 'node:crypto';
import type { JsonObject } from '../../json.ts';
import { answer } from '../engine.ts';
import type { EngineContext, EngineResponse, PathParts } from '../engine.ts';
import { hashOf } from './hashes.ts';
import { choice, requiredBase64 } from './input.ts';

/** hash, hash/ALGORITHM: the digest of the input. */
export async function hash(_context: EngineContext, data: JsonObject, parts: PathParts): Promise<EngineResponse> {
  const { openssl } = hashOf(data, parts, ['algorithm'], { sha1: false });
  const format = choice(data, 'format', ['hex', 'base64']);
  return answer({ sum: createHash(openssl).update(requiredBase64(data, 'input')).digest(format) });
}
