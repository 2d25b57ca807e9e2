import { readVectors } from '../../support/vectors.ts';

interface EntryVector {
  readonly key: string;
  /** Empty for a mark. */
  readonly digest: string;
}

interface NodeVector {
  readonly name: string;
  readonly bytes: string;
  readonly digest: string;
}

export interface StoreVector {
  readonly name: string;
  readonly encryptions: number;
  readonly anchored: boolean;
  /** Values by path. */
  readonly rows: Readonly<Record<string, string>>;
  /** What is stored beside them, by path. */
  readonly tree: Readonly<Record<string, string>>;
}

export interface StateVector {
  readonly store_id: string;
  readonly counter: number;
  readonly digest: string;
}

export interface TreeFile {
  readonly tree_key: string;
  readonly root_key: string;
  readonly rows: readonly (EntryVector & { readonly path: string; readonly value: string })[];
  readonly marks: readonly { readonly folder: string; readonly key: string }[];
  readonly leaves: readonly (NodeVector & { readonly entries: readonly EntryVector[] })[];
  readonly inners: readonly (NodeVector & {
    readonly prefix: string;
    readonly count: number;
    readonly children: readonly { readonly digit: number; readonly digest: string }[];
  })[];
  readonly roots: readonly (NodeVector & {
    readonly counter: number;
    readonly entries: number;
    readonly encryptions: number;
    readonly anchored: boolean;
  })[];
  readonly stores: readonly StoreVector[];
  /** What is in /etc/machine-id; empty where there is no such file. */
  readonly machines: readonly {
    readonly machine_id: string;
    readonly id: string;
    readonly lease: string;
    readonly sealed: string;
  }[];
  readonly anchors: readonly (StateVector & {
    readonly application: string;
    readonly label: string;
    readonly value: string;
  })[];
  readonly memories: readonly (StateVector & { readonly path: string; readonly name: string; readonly text: string })[];
}

/** The vectors of the tree, and of what lies outside of the store for it. */
export function readTree(): TreeFile {
  return readVectors('tree') as TreeFile;
}
