import { type ErrorCode, IntegrityError } from '../errors.ts';

const OTHER = 'an older or a newer one was put in its place';

/** What can be wrong between a row and its leaf, with the code and the words for it. */
const KINDS = {
  altered: { code: 'row_altered', what: `was altered, or ${OTHER}` },
  outdated: { code: 'row_outdated', what: `is not the one that was written last: ${OTHER}` },
  removed: { code: 'row_removed', what: 'was removed from the store' },
  unknown: { code: 'row_unknown', what: 'was not written by coffer, or was deleted by it and put back' },
  revived: { code: 'row_unknown', what: 'was deleted, and was put back' },
} as const satisfies Readonly<Record<string, { readonly code: ErrorCode<4>; readonly what: string }>>;

export type RowFaultKind = keyof typeof KINDS;

/** What a row turns out to be that opens all the same. */
const AUTHENTIC: Readonly<Partial<Record<RowFaultKind, RowFaultKind>>> = { altered: 'outdated', unknown: 'revived' };

/** A row that the tree says something else of. */
export class RowFault extends IntegrityError {
  readonly kind: RowFaultKind;
  /** The stored path of the row; of a listing that is not complete, the folder. */
  readonly path: string;
  /** The bytes in question, none of which may be used; null where there are none, or where they were not read. */
  readonly value: Uint8Array | null;

  /** @param name what the operator knows the row as */
  constructor(kind: RowFaultKind, path: string, value: Uint8Array | null, name: string = JSON.stringify(path)) {
    super(KINDS[kind].code, `${name} ${KINDS[kind].what}`, {
      hint: 'nothing of it was used; restore the whole store from one backup and find out who could write to it. See what else is affected with: coffer operator verify',
    });
    this.kind = kind;
    this.path = path;
    this.value = value;
  }

  /** The same of a row by its right name. */
  named(name: string): RowFault {
    return new RowFault(this.kind, this.path, this.value, name);
  }

  /** The same of a row that opens: coffer wrote it, at another time. */
  authentic(name: string): RowFault {
    return new RowFault(AUTHENTIC[this.kind] ?? this.kind, this.path, this.value, name);
  }
}

/** @throws IntegrityError `tree_altered` */
export function treeAltered(how: string): IntegrityError {
  return new IntegrityError('tree_altered', `the tree that authenticates the rows of the store was altered: ${how}`, {
    hint: 'nothing was used; restore the whole store from one backup and find out who could write to it. See what is affected with: coffer operator verify',
  });
}
