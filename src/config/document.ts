/** A configuration file after parsing and before validation: the same for HCL and JSON. */

/** Where something stands in a text; both count from 1, columns in Unicode code points. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One `key = value`. The value of a key that coffer does not use is undefined: it was never read. */
export interface Setting {
  readonly file: string;
  readonly value: unknown;
  /** Null in JSON. */
  readonly at: Position | null;
}

/** One `name "label" { key = value }`. The keys of a stanza that coffer does not use were never read, but for `disabled`. */
export interface Stanza {
  readonly file: string;
  readonly name: string;
  readonly labels: readonly string[];
  readonly at: Position | null;
  readonly settings: ReadonlyMap<string, Setting>;
}

/** What a text holds. */
export interface Contents {
  readonly stanzas: readonly Stanza[];
  /** Top-level keys. */
  readonly settings: ReadonlyMap<string, Setting>;
}

export interface Document extends Contents {
  readonly file: string;
  /** Whether the group or others may read the file. */
  readonly readableByOthers: boolean;
}

/** `FILE:LINE:COLUMN`, or the file alone where the position is not known. */
export function place({ file, at }: Pick<Setting, 'file' | 'at'>): string {
  return at === null ? file : `${file}:${at.line}:${at.column}`;
}

/** Vault's and OpenBao's other words for a stanza. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['backend', 'storage'],
  ['hsm', 'seal'],
  ['kms', 'seal'],
]);

/** The name that coffer has for a stanza. */
export function nameOf({ name }: Pick<Stanza, 'name'>): string {
  return SYNONYMS.get(name) ?? name;
}

/** What a stanza is: its title with the name that coffer has for it and its type in small letters, as Vault compares types. */
export function kind({ name, labels }: Pick<Stanza, 'name' | 'labels'>): string {
  return title({ name: nameOf({ name }), labels: labels.map((label) => label.toLowerCase()) });
}

/** Whether a stanza of this name describes a seal, of whatever type. */
export function isSeal(stanza: Pick<Stanza, 'name'>): boolean {
  return nameOf(stanza) === 'seal';
}

/** A stanza as an operator writes it, without its body: `seal "pkcs11"`. */
export function title(stanza: Pick<Stanza, 'name' | 'labels'>): string {
  return [stanza.name, ...stanza.labels.map((label) => JSON.stringify(label))].join(' ');
}
