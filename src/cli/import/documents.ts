import { UsageError } from '../../errors.ts';
import { beginsAsJson, type JsonValue } from '../../json.ts';
import { readJson } from '../input.ts';
import { jsonTexts } from './json-texts.ts';
import { linesOf, textOf } from './lines.ts';
import type { Source } from './source.ts';

export const INPUT_TYPES = ['ndjson', 'json', 'env', 'yaml'] as const;
export type InputType = (typeof INPUT_TYPES)[number];

export interface Document {
  readonly value: JsonValue;
  /** For messages. */
  readonly where: string;
  /** Bytes of the source as far as its end. */
  readonly end: number;
}

/** What a source is: what was said, or what its name ends in, or what it begins with. @throws UsageError `bad_data` */
export function inputType(source: Source, given: InputType | null): InputType {
  const file = source.name.split('/').at(-1) ?? '';
  const ending = /\.([^.]+)$/.exec(file)?.[1]?.toLowerCase() ?? '';
  const known =
    given ?? (/^\.env(\.|$)/.test(file) ? 'env' : INPUT_TYPES.find((type) => ENDINGS[type].includes(ending)));
  if (known !== undefined) return known;
  for (const { text } of linesOf(source)) {
    if (beginsAsJson(text)) return 'json';
    if (text.trim() !== '') break;
  }
  if (source.size === 0) return 'json';
  throw new UsageError('bad_data', `${source.name} does not begin as JSON, and its name does not say what it is`, {
    hint: `say it with -input-type=${INPUT_TYPES.join('|')}`,
  });
}

const ENDINGS: { readonly [type in InputType]: readonly string[] } = {
  ndjson: ['ndjson', 'jsonl'],
  json: ['json'],
  env: ['env'],
  yaml: ['yaml', 'yml'],
};

/**
 * The documents of a source: one a line; of JSON otherwise one after the other, as jq prints them; or all of it as one.
 * @throws UsageError `bad_data`, never with a value in it
 */
export async function* documentsOf(source: Source, type: InputType): AsyncGenerator<Document> {
  const { name, size: end } = source;
  if (type === 'ndjson' || (type === 'json' && isLineByLine(source))) {
    for (const { text, number, end: at } of linesOf(source)) {
      const where = source.hasLines ? `${name} (line ${number})` : name;
      if (text.trim() !== '') yield { value: readJson(text, name, number), where, end: at };
    }
    return;
  }
  const text = textOf(source);
  if (text.trim() === '') return;
  if (type === 'json') {
    for (const { text: document, number, end: at } of jsonTexts(text))
      yield {
        value: readJson(document, name, number),
        where: `${name} (line ${number})`,
        end: Math.floor((end * at) / text.length),
      };
  } else if (type === 'yaml') yield { value: (await import('../read-yaml.ts')).readYaml(text, name), where: name, end };
  else yield { value: (await import('./env.ts')).readEnv(text, name), where: name, end };
}

/** Whether the first line that is not blank is a whole document. Reads no further. */
function isLineByLine(source: Source): boolean {
  for (const { text, number } of linesOf(source)) {
    if (text.trim() === '') continue;
    try {
      readJson(text, `line ${number}`);
      return true;
    } catch {
      return false;
    }
  }
  return false;
}
