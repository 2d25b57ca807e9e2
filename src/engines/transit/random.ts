import { base64, hex, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type Handler, type PathParts } from '../engine.ts';
import { optionalInteger, optionalText } from '../parameters.ts';
import { choice } from './input.ts';

const DEFAULT_BYTES = 32;
const MOST_BYTES = 128 * 1024;

const SOURCES = ['platform', 'seal', 'all'] as const;
type Source = (typeof SOURCES)[number];

/** random, random/BYTES, random/SOURCE, random/SOURCE/BYTES: bytes of the system, of the HSM, or both XORed. */
export const random: Handler = async (context, data, parts) => {
  const { source, length } = wanted(data, parts);
  const format = choice(data, 'format', ['base64', 'hex']);
  const chosen = context.random[source];
  const bytes = await (chosen ?? context.random.platform).bytes(length);
  const text = format === 'hex' ? hex(bytes) : base64(bytes);
  zero(bytes);
  const warnings =
    chosen === null ? ['the configuration has no entropy stanza: these bytes are from the platform alone'] : [];
  return answer({ random_bytes: text }, { warnings });
};

/** What the path says comes before what the data say; a path of one part is a source or a number. @throws UsageError `bad_parameter` */
function wanted(data: JsonObject, { source: first, bytes: last }: PathParts): { source: Source; length: number } {
  const alone = first === undefined && SOURCES.some((source) => source === last);
  const given = { source: optionalText(data, 'source'), bytes: optionalText(data, 'bytes') };
  const source = choice({ source: (alone ? last : first) ?? given.source }, 'source', SOURCES);
  const length =
    optionalInteger({ bytes: (alone ? undefined : last) ?? given.bytes }, 'bytes', { min: 1 }) ?? DEFAULT_BYTES;
  if (length > MOST_BYTES) throw new UsageError('bad_parameter', `bytes can be at most ${MOST_BYTES}`);
  return { source, length };
}
