import { base64, hex, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type Handler, type PathParts } from '../engine.ts';
import { optionalInteger, optionalText } from '../parameters.ts';
import { choice } from './input.ts';

const DEFAULT_BYTES = 32;
const MOST_BYTES = 128 * 1024;

const SOURCES = ['platform', 'seal', 'all'] as const;
type Source = (typeof SOURCES)[number];

/** random, random/BYTES, random/SOURCE, random/SOURCE/BYTES: bytes of the system, of the HSM, or both XORed. */
export const random: Handler<Pick<EngineContext, 'random'>> = async (context, data, parts) => {
  const { source, length, replaced } = wanted(data, parts);
  const format = choice(data, 'format', ['base64', 'hex']);
  const chosen = context.random[source];
  const bytes = await (chosen ?? context.random.platform).bytes(length);
  const text = format === 'hex' ? hex(bytes) : base64(bytes);
  zero(bytes);
  const warnings = replaced.length === 0 ? [] : (await import('../ignored-words.ts')).replacedWarnings(replaced);
  if (chosen === null)
    warnings.push('the configuration has no entropy stanza: these bytes are from the platform alone');
  return answer({ random_bytes: text }, { warnings });
};

interface Wanted {
  readonly source: Source;
  readonly length: number;
  /** What the data say, too, on a path of one part; on others the route knows. */
  readonly replaced: readonly string[];
}

/** What the path says comes before what the data say; a path of one part is a source or a number. @throws UsageError `bad_parameter` */
function wanted(data: JsonObject, { source: first, bytes: last }: PathParts): Wanted {
  const alone = first === undefined && SOURCES.some((source) => source === last);
  const path = { source: alone ? last : first, bytes: alone ? undefined : last };
  const given = { source: optionalText(data, 'source'), bytes: optionalText(data, 'bytes') };
  const source = choice({ source: path.source ?? given.source }, 'source', SOURCES);
  const length = optionalInteger({ bytes: path.bytes ?? given.bytes }, 'bytes', { min: 1 }) ?? DEFAULT_BYTES;
  if (length > MOST_BYTES) throw new UsageError('bad_parameter', `bytes can be at most ${MOST_BYTES}`);
  const both = (['source', 'bytes'] as const).filter((name) => path[name] !== undefined && given[name] !== null);
  return { source, length, replaced: first === undefined ? both : [] };
}
