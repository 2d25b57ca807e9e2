import { StoreError, UsageError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../json.ts';
import { answer, type EngineResponse } from '../engine.ts';
import { optionalInteger } from '../parameters.ts';

/**
 * The items of `batch_input`, an array or JSON text of one; null when there is none.
 * @throws UsageError `bad_batch` for no array of objects, and for a `reference` that is no text
 */
export function batchItems(data: JsonObject): JsonObject[] | null {
  const given = data['batch_input'];
  if (given === undefined || given === null) return null;
  const items = typeof given === 'string' ? parsed(given) : given;
  if (!Array.isArray(items) || items.length === 0 || !items.every(isJsonObject)) throw badBatch();
  const odd = items.findIndex(({ reference = null }) => reference !== null && typeof reference !== 'string');
  if (odd !== -1) throw new UsageError('bad_batch', `reference of item ${odd} of the batch must be text`);
  return items;
}

/** Fails a batch of which an item leaves out what it is about. @throws UsageError `bad_batch` */
export function requireInItems(data: JsonObject, name: string): void {
  const without = (batchItems(data) ?? []).findIndex((item) => (item[name] ?? null) === null);
  if (without !== -1) throw new UsageError('bad_batch', `item ${without} of the batch has no ${name}`);
}

type Each = (item: JsonObject) => JsonObject;

/**
 * Answers one request, or each item of a batch. An item that fails has its own `error` in `batch_results` and leaves the
 * others alone: the request is done, also where all fail.
 * @param each is given the whole request, or one item of the batch
 * @param failedItem what a failed item has beside its error
 * @throws UsageError `bad_batch`, and without a batch what `each` throws
 */
export function answerEach(data: JsonObject, each: Each, failedItem: JsonObject = {}): EngineResponse {
  const items = batchItems(data);
  if (items === null) return answer(each(data));
  const { results, failures } = attemptAll(items, each, failedItem);
  return answer({ batch_results: results }, { warnings: failureWarnings(failures, results.length) });
}

/**
 * The same, but that the request counts as failed where an item failed: unless `partial_failure_response_code` is that of a
 * success, and some item did not fail.
 * @param warnings come before those of the batch
 * @throws UsageError `bad_parameter`, and what `answerEach` throws
 */
export function answerStrictly(data: JsonObject, each: Each, warnings: readonly string[] = []): EngineResponse {
  const code = optionalInteger(data, PARTIAL_CODE);
  const items = batchItems(data);
  if (items === null) return answer(each(data), { warnings });
  const { results, failures } = attemptAll(items, each, {});
  const isPartial = failures > 0 && failures < results.length;
  const isNoCode = isPartial && code !== null && (code < 1 || code > 599);
  const said = isNoCode
    ? [`invalid HTTP response code override from ${PARTIAL_CODE}, reverting to 400`]
    : failureWarnings(failures, results.length);
  const isExcused = isPartial && code !== null && code >= 200 && code < 400;
  return answer({ batch_results: results }, { warnings: [...warnings, ...said], failed: failures > 0 && !isExcused });
}

const PARTIAL_CODE = 'partial_failure_response_code';

function attemptAll(items: readonly JsonObject[], each: Each, failedItem: JsonObject): Attempts {
  const results = items.map((item) => attempt(item, each, failedItem));
  return { results, failures: results.filter(({ error }) => error !== undefined).length };
}

interface Attempts {
  readonly results: JsonObject[];
  readonly failures: number;
}

function attempt(item: JsonObject, each: Each, failedItem: JsonObject): JsonObject {
  const reference = item['reference'] ?? '';
  try {
    return { ...each(item), reference };
  } catch (error) {
    if (error instanceof UsageError || error instanceof StoreError)
      return { ...failedItem, error: error.message, reference };
    throw error;
  }
}

function failureWarnings(failures: number, count: number): string[] {
  return failures === 0 ? [] : [`failed items: ${failures} of ${count}; see the error of each`];
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
