// What handlers take among the data of a request, declared beside the routes: whoever asks is told, and a name that is not among
// them is warned of.

export type ParameterType = 'base64' | 'boolean' | 'duration' | 'integer' | 'list' | 'object' | 'text';

export interface Parameter {
  readonly type: ParameterType;
  /** One line for who asks. */
  readonly help: string;
  /** Whether the request fails without it. */
  readonly required: boolean;
  /** What counts where it is not given; null for nothing. */
  readonly preset: string | null;
  /** Of an object, or of each object in a list; null where any are taken. */
  readonly members: KnownParameters | null;
}

export type KnownParameters = { readonly [name: string]: Parameter };

/** By name; or "anything" for what is kept as it is given. */
export type Takes = KnownParameters | 'anything';

export function required(type: ParameterType, help: string, members: KnownParameters | null = null): Parameter {
  return { type, help, required: true, preset: null, members };
}

/** @param preset what counts where it is not given */
export function optional(type: ParameterType, help: string, preset: string | null = null): Parameter {
  return { type, help, required: false, preset, members: null };
}

/** An object, or a list of objects, whose members are known, too. */
export function optionalMembers(type: 'list' | 'object', help: string, members: KnownParameters): Parameter {
  return { type, help, required: false, preset: null, members };
}
