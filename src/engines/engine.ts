import type { View } from '../barrier/index.ts';
import type { Entropy } from '../entropy/index.ts';
import type { HsmKeys, KeyReference } from '../hsm-keys.ts';
import type { JsonObject } from '../json.ts';
import type { CheckContext, RowCheck } from './check.ts';
import type { Takes } from './declare.ts';

export type Operation = 'read' | 'write' | 'patch' | 'list' | 'delete';

/** What an engine is asked. */
export interface EngineRequest {
  readonly operation: Operation;
  /** Below the mount, without a slash at either end; "" is the mount itself. */
  readonly path: string;
  readonly data: JsonObject;
}

/** What it answers; null stands for "nothing there". */
export interface EngineResponse {
  readonly data: JsonObject | null;
  readonly warnings: readonly string[];
  /** Whether some of what was asked failed, although there is an answer: the exit status says so. */
  readonly failed: boolean;
  /** Whether names among what was asked count for nothing: a server says so even where it has no other answer. */
  readonly ignored: boolean;
  /** Seconds, as Vault's envelope has it; 0 for what does not expire. */
  readonly leaseDuration: number;
}

/** A key of an engine whose secret is a key object in the HSM. */
export interface HsmKeyObject {
  /** What the operator knows it as, mount and all. */
  readonly name: string;
  readonly reference: KeyReference;
}

/** The system's generator, the HSM's, and both XORed; without an entropy stanza in the configuration the system's alone. */
export interface RandomSources {
  readonly platform: Entropy;
  readonly seal: Entropy | null;
  readonly all: Entropy | null;
}

/** What an engine is given to answer with. */
export interface EngineContext {
  /** The mount's path with its slash, for messages. */
  readonly mountPath: string;
  readonly view: View;
  /** For keys that the engine generates. */
  readonly entropy: Entropy;
  /** Whether `entropy` has bytes of the HSM in it, so that every key must be made from it. */
  readonly externalEntropy: boolean;
  readonly random: RandomSources;
  /** Key objects that serve callers, none of which is the seal's. */
  readonly hsm: HsmKeys;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The parts of a path that a pattern's `:name` and `*name` stand for. */
export type PathParts = { readonly [name: string]: string };

export type Handler<Context = EngineContext> = (
  context: Context,
  data: JsonObject,
  parts: PathParts,
) => Promise<EngineResponse | null>;

type ByOperation<Value> = Readonly<Partial<Record<Operation, Value>>>;

/**
 * One row of a table that routes requests and is its own documentation. The pattern's segments are joined by "/": literal,
 * `:name` for one segment, `*name` at the end for the rest (possibly empty). An operation that `takes` leaves out takes nothing.
 * The example is data for one of the operations as a command line has them; without it the first operation needs none.
 */
export type Route<Context = EngineContext> = readonly [
  pattern: string,
  help: string,
  operations: ByOperation<Handler<Context>>,
  takes?: ByOperation<Takes>,
  example?: readonly [operation: Operation, data: string],
];

/** What requests are dispatched by. */
export interface RouteTable<Context = EngineContext> {
  /** As `secrets enable` names it. */
  readonly type: string;
  routes(): Promise<readonly Route<Context>[]>;
}

export interface Engine extends RouteTable {
  /** What rows of the engine's lie in, directly below the mount. */
  readonly folders: readonly string[];
  /** What the operator knows a row or a folder of the engine's as, below the mount: a secret's path rather than the row's. */
  rowName(path: readonly string[]): string;
  /** Looks over everything that a mount holds, for a diagnose that opens every value. */
  check(context: CheckContext): Promise<RowCheck>;
  /** The key objects that keys of a mount are, for `operator diagnose`; absent where the engine keeps none in the HSM. */
  keyObjects?(context: Pick<EngineContext, 'mountPath' | 'view'>): AsyncIterable<HsmKeyObject>;
}

/** RFC 3339, as Vault prints times. @param milliseconds since 1970 */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/**
 * Milliseconds since 1970 of a time in RFC 3339 from then to the end of the year 9999, which is what `timestamp` can print; parts of a
 * millisecond are left out. Null for anything else: the runtime takes the 30th of February for the 2nd of March.
 */
export function parseTimestamp(text: string): number | null {
  const day = RFC_3339.exec(text)?.[1];
  const midnight = Date.parse(`${day}T00:00Z`);
  if (day === undefined || Number.isNaN(midnight) || !timestamp(midnight).startsWith(day)) return null;
  const milliseconds = Date.parse(text);
  return milliseconds >= 0 && milliseconds < FIVE_DIGIT_YEARS ? milliseconds : null;
}

/** Its section 5.6, without leap seconds. */
const RFC_3339 =
  /^(\d{4}-\d\d-\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const FIVE_DIGIT_YEARS = Date.UTC(10_000, 0);

export function answer(data: JsonObject | null, more: Partial<Omit<EngineResponse, 'data'>> = {}): EngineResponse {
  const { warnings = [], failed = false, ignored = false, leaseDuration = 0 } = more;
  return { data, warnings, failed, ignored, leaseDuration };
}
