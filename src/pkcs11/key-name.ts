import type { KeyReference } from '../hsm-keys.ts';
import { asBuffer, hex } from '../bytes.ts';
import { visible } from '../visible.ts';

/** What a key object is called, or what somebody says that one is called. */
export interface KeyName {
  /** CKA_LABEL. */
  readonly label: string;
  /** CKA_ID, any number of bytes, possibly none. */
  readonly id: Uint8Array;
}

/**
 * Whether a key object, or what a stored record says of one, has the name of a reference: its label where the reference
 * has one, and its id where it has one. Some tokens pad labels with blanks or NULs, and some (YubiHSM) keep an id as a
 * number, so that 01 comes back as 0001: neither makes another name. Of a key object only what the reference has is read,
 * since that may be a trip to the HSM.
 */
export function isNamed(name: KeyName, reference: KeyReference): boolean {
  return (
    (reference.label === null || unpadded(name.label) === unpadded(reference.label)) &&
    (reference.id === null || sameId(name.id, reference.id))
  );
}

/** A label without the padding of the token. */
export function unpadded(label: string): string {
  return label.replace(/[ \0]+$/, '');
}

function sameId(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(canonicalId(a), canonicalId(b)) === 0;
}

/** An id without zeros in front, the same for all ids that `isNamed` takes for one. An id of zeros alone keeps one of them: it is not the same as no id. */
export function canonicalId(id: Uint8Array): Uint8Array {
  const first = id.findIndex((byte, at) => byte !== 0 || at === id.length - 1);
  return asBuffer(id.subarray(Math.max(first, 0)));
}

/** For messages: `label "hsm_demo" and id 01ab`, with what a terminal would obey shown and not sent. */
export function describeName({ label, id }: { readonly label: string | null; readonly id: Uint8Array | null }): string {
  return [
    ...(label === null ? [] : [`label "${visible(label)}"`]),
    ...(id === null ? [] : [`id ${id.length === 0 ? '(none)' : hex(id)}`]),
  ].join(' and ');
}
