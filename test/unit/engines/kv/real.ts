import { type Context, enableMount, type Mount, type Operation, withMounts } from '../../../../src/core/index.ts';
import { CofferError } from '../../../../src/errors.ts';
import { type JsonObject, parseJson, stringifyJson } from '../../../../src/json.ts';

/** A kv mount of a store in a file, sealed by a token. Each request is a transaction of its own. */
export interface RealMount {
  /** Milliseconds since 1970. */
  now: number;
  readonly path: string;
  /** What an engine answers, with its data as JSON.parse has it. */
  ask(operation: Operation, path: string, data?: string): Promise<Answer>;
  /** The data of an answer. */
  data(operation: Operation, path: string, data?: string): Promise<unknown>;
  /** The code of the error that a request ends with; null for none. */
  refusal(operation: Operation, path: string, data?: string): Promise<string | null>;
}

interface Answer {
  /** Undefined where there is no answer. */
  readonly data: unknown;
  readonly warnings: readonly string[];
  readonly leaseDuration: number;
}

export const START = Date.parse('2026-02-03T04:05:06.789Z');

let mounts = 0;

export async function realMount(context: Context, version: '1' | '2'): Promise<RealMount> {
  mounts += 1;
  const wanted = { type: 'kv', path: `kv-${mounts}`, options: { version }, description: '' };
  const { path: mount }: Mount = await enableMount(context, { ...wanted, sealWrap: false, externalEntropy: false });
  const made: RealMount = {
    now: START,
    path: mount,
    async ask(operation, path, data = '{}') {
      const at: Context = { ...context, machine: () => ({ ...context.machine(), now: made.now }) };
      const request = { operation, path: mount + path, data: parseJson(data) as JsonObject };
      const response = await withMounts(at, operation === 'read' ? 'read' : 'write', (all) => all.request(request));
      return {
        data: response === null ? undefined : (JSON.parse(stringifyJson(response.data)) as unknown),
        warnings: response?.warnings ?? [],
        leaseDuration: response?.leaseDuration ?? 0,
      };
    },
    data: async (operation, path, data) => (await made.ask(operation, path, data)).data,
    async refusal(operation, path, data) {
      try {
        await made.ask(operation, path, data);
        return null;
      } catch (error) {
        if (error instanceof CofferError) return error.code;
        throw error;
      }
    },
  };
  return made;
}
