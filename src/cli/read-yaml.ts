import { LineCounter, parseDocument, type ScalarTag } from 'yaml';
import { UsageError } from '../errors.ts';
import {
  beginsAsJson,
  type JsonObject,
  type JsonValue,
  isLosslessNumber,
  LosslessNumber,
  parseJson,
  setOwn,
} from '../json.ts';

/**
 * The value of a YAML document; of one that is JSON, what it is there. Null, true and false are what all readers take for them. A number
 * is what JSON has for one, with its digits. All else is text as it stands, since readers differ about it: yes, 0123, 1_000, 12e4567,
 * 12:30:45, 2024-01-01.
 * @param name of the file, for messages, which never hold a value
 * @throws UsageError `bad_data`
 */
export function readYaml(text: string, name: string): JsonValue {
  return jsonOf(text) ?? yamlOf(text, name);
}

/** Null where it is no object and no list of JSON. */
function jsonOf(text: string): JsonValue {
  if (!beginsAsJson(text)) return null;
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

function yamlOf(text: string, name: string): JsonValue {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    customTags: ['null', 'bool', NUMBER],
    merge: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const reason = Object.entries(REASONS).find(([code]) => code === problem.code)?.[1];
    throw notYaml(`${name} is not YAML (line ${lines.linePos(problem.pos[0]).line})`, reason);
  }
  try {
    return plainValue(document.toJS({ mapAsMap: true, maxAliasCount: MOST_ALIASES }));
  } catch (error) {
    // Aliases without end, a merge of what is no object: the words of the library may quote.
    if (error instanceof UsageError) throw notYaml(`${name} is not YAML`, error.message);
    throw notYaml(`${name} is not YAML`, 'its aliases cannot be followed');
  }
}

const MOST_ALIASES = 100;

const REASONS = {
  DUPLICATE_KEY: 'a key is given twice',
  MULTIPLE_DOCS: 'it is more than one document',
  TAG_RESOLVE_FAILED: 'it has a tag that stands for no JSON value',
} as const satisfies { readonly [code: string]: string };

const NUMBER: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: isLosslessNumber,
  // YAML 1.1 knows an exponent only with a sign and behind a fraction: PyYAML writes the text 12e4567 without quotes.
  test: /^-?(?:0|[1-9]\d*)(?:\.\d+(?:[eE][-+]\d+)?)?$/,
  resolve: (text) => new LosslessNumber(text),
};

function notYaml(what: string, reason: string | undefined): UsageError {
  return new UsageError('bad_data', reason === undefined ? what : `${what}: ${reason}`, {
    hint: 'give an object, e.g. {"user": "ada"} or user: ada',
  });
}

function plainValue(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof Map) return plainObject(value);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (isLosslessNumber(value)) return value;
  throw new UsageError('bad_data', REASONS.TAG_RESOLVE_FAILED);
}

function plainObject(map: ReadonlyMap<unknown, unknown>): JsonObject {
  const object: JsonObject = {};
  for (const [key, value] of map) {
    const name = isLosslessNumber(key) ? key.value : key;
    if (typeof name !== 'string') throw new UsageError('bad_data', 'it has a key that is no text');
    if (Object.hasOwn(object, name)) throw new UsageError('bad_data', 'a key is given twice');
    setOwn(object, name, plainValue(value));
  }
  return object;
}
