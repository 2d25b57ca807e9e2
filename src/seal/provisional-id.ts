import { createHash, randomBytes } from 'node:crypto';
import { canonicalId } from '../pkcs11/index.ts';

/*
 * The CKA_ID of a key that is being made: 8 random bytes that all keys of one call have in common (the ticket), and 8 bytes that
 * say which id the key is meant to have, or that are random where any will do. It is one that every token takes which takes a random id.
 */

const TICKET_BYTES = 8;
const MEANT_BYTES = 8;

/** 8 random bytes. Of two calls that make a key of one name, the one with the smaller ticket goes first. */
export function newTicket(): Uint8Array {
  return new Uint8Array(randomBytes(TICKET_BYTES));
}

/**
 * @param meant the CKA_ID that the key gets when it is settled that it stays, or null
 * @returns 16 bytes
 */
export function provisionalId(ticket: Uint8Array, meant: Uint8Array | null): Uint8Array {
  return new Uint8Array(Buffer.concat([ticket, meant === null ? randomBytes(MEANT_BYTES) : mark(meant)]));
}

/** Whether a CKA_ID is that of a key which is being made, by anybody, and is to have the id `meant`. */
export function isMeantFor(id: Uint8Array, meant: Uint8Array): boolean {
  return id.length <= TICKET_BYTES + MEANT_BYTES && Buffer.compare(id.subarray(-MEANT_BYTES), mark(meant)) === 0;
}

function mark(meant: Uint8Array): Uint8Array {
  return createHash('sha256').update('coffer key id ').update(canonicalId(meant)).digest().subarray(0, MEANT_BYTES);
}
