import { StoreError, UsageError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../json.ts';
import { visible } from '../../visible.ts';
import { answer, type EngineResponse } from '../engine.ts';

/** The items of `batch_input`, an array or JSON text of one; null when there is none. @throws UsageError `bad_batch` */
export function batchItems(data: JsonObject): JsonObject[] | null {
  const given = data['batch_input'];
  if (given === undefined || given === null) return null;
  const items = typeof given === 'string' ? parsed(given) : given;
  if (!Array.isArray(items) || items.length === 0 || !items.every(isJsonObject)) throw badBatch();
  return items;
}

/**
 * Answers one request, or each item of a batch. An item that fails has its own `error` in `batch_results` and leaves
 * the others alone; when all fail, so does the request.
 * @param each is given the whole request, or one item of the batch
 * @throws UsageError `bad_batch`, `batch_failed`, and without a batch what `each` throws
 */
export function answerEach(data: JsonObject, each: Each, warnings: readonly string[] = []): EngineResponse {
  const items = batchItems(data);
  if (items === null) return answer(each(data), { warnings });
  const results = items.map((item) => attempt(item, each));
  const errors = results.flatMap(({ error }) => (typeof error === 'string' ? [error] : []));
  if (errors.length === results.length) {
    throw new UsageError('batch_failed', 'every item of the batch failed', {
      hint: errors.map((error, at) => `item ${at}: ${visible(error)}`).join('\n'),
    });
  }
  const failed = `${errors.length} of ${results.length} items failed; see their error`;
  return answer({ batch_results: results }, { warnings: errors.length === 0 ? warnings : [...warnings, failed] });
}

type Each = (item: JsonObject) => JsonObject;

function attempt(item: JsonObject, each: Each): JsonObject {
  const reference = typeof item['reference'] === 'string' ? item['reference'] : '';
  try {
    return { ...each(item), reference };
  } catch (error) {
    if (error instanceof UsageError || error instanceof StoreError) return { error: error.message, reference };
    throw error;
  }
}

function parsed(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    throw badBatch();
  }
}

function badBatch(): UsageError {
  return new UsageError('bad_batch', 'batch_input must be an array of one or more objects', {
    hint: 'for example on stdin: {"batch_input": [{"plaintext": "..."}]}',
  });
}
