import { hintText } from '../../../../src/cli/remedies.ts';
import type { Entry, View } from '../../../../src/barrier/index.ts';
import {
  dispatch,
  type EngineContext,
  engineOf,
  type EngineResponse,
  type Operation,
} from '../../../../src/engines/index.ts';
import { systemEntropy } from '../../../../src/entropy/index.ts';
import { CofferError } from '../../../../src/errors.ts';
import { type JsonObject, parseJson, stringifyJson } from '../../../../src/json.ts';
import { noHsm, platformAlone } from '../engine-context.ts';
import { watched } from '../watched.ts';

/** A kv mount that lives in memory. Data goes in and comes out as JSON text, so that every digit counts. */
export interface Mount {
  readonly context: EngineContext;
  /** Milliseconds since 1970. */
  now: number;
  /** Every row's path, its segments as JSON. */
  rows(): string[];
  /** Replaces a row behind the engine's back. */
  plant(path: readonly string[], value: Uint8Array | null): void;
  call(operation: Operation, path: string, data?: string): Promise<EngineResponse | null>;
  /** The data of the answer as JSON text; null where there is no answer, "null" where it has no data. */
  ask(operation: Operation, path: string, data?: string): Promise<string | null>;
  /** As `ask`, parsed by JSON.parse, for what holds no large number. */
  data(operation: Operation, path: string, data?: string): Promise<unknown>;
  failure(operation: Operation, path: string, data?: string): Promise<Failure>;
}

export interface Failure {
  readonly code: string;
  readonly exitStatus: number;
  readonly message: string;
  readonly hint: string | null;
}

export const START = Date.parse('2026-02-03T04:05:06.789Z');

export function mount(version: '1' | '2'): Mount {
  const stored = new Map<string, Uint8Array>();
  const engine = engineOf({ type: 'kv', options: { version } });
  const view = memoryView(stored);
  const made: Mount = {
    now: START,
    get context() {
      return {
        mountPath: 'kv/',
        view,
        entropy: systemEntropy,
        externalEntropy: false,
        random: platformAlone,
        hsm: noHsm,
        now: made.now,
      };
    },
    rows: () => [...stored.keys()].sort(),
    plant(path, value) {
      if (value === null) stored.delete(JSON.stringify(path));
      else stored.set(JSON.stringify(path), value);
    },
    call: (operation, path, data = '{}') =>
      dispatch(watched(engine), made.context, { operation, path, data: parseJson(data) as JsonObject }),
    async ask(operation, path, data) {
      const response = await made.call(operation, path, data);
      return response === null ? null : stringifyJson(response.data);
    },
    async data(operation, path, data) {
      const text = await made.ask(operation, path, data);
      return text === null ? null : (JSON.parse(text) as unknown);
    },
    async failure(operation, path, data) {
      try {
        await made.call(operation, path, data);
      } catch (error) {
        if (!(error instanceof CofferError)) throw error;
        const { code, exitStatus, message, hint } = error;
        return { code, exitStatus, message, hint: hint === null ? null : hintText(hint) };
      }
      throw new Error(`${operation} ${path} did not fail`);
    },
  };
  return made;
}

export function memoryView(stored: Map<string, Uint8Array>): View {
  return {
    get: async (path) => stored.get(JSON.stringify(path))?.slice() ?? null,
    has: async (path) => stored.has(JSON.stringify(path)),
    put: async (path, value) => void stored.set(JSON.stringify(path), value.slice()),
    delete: async (path) => void stored.delete(JSON.stringify(path)),
    async list(path) {
      const entries = new Map<string, Entry>();
      for (const key of stored.keys()) {
        const segments = JSON.parse(key) as string[];
        const name = segments[path.length];
        if (name === undefined || path.some((segment, at) => segments[at] !== segment)) continue;
        const folder = segments.length > path.length + 1;
        entries.set(folder ? `${name}/` : name, { name, folder });
      }
      return [...entries.values()].sort((a, b) =>
        a.name === b.name ? Number(a.folder) - Number(b.folder) : a.name < b.name ? -1 : 1,
      );
    },
  };
}
