// Prints, one a line, the arguments with which bare.ts and calls.c make the calls of `coffer kv get`:
//
//   tsx calls.ts MODULE LABEL PIN-FILE DATABASE

import Sqlite from 'better-sqlite3';
import { hex } from '../../src/bytes.ts';
import { decodeRecord, macInput } from '../../src/seal/record.ts';

const [module, label, pinFile, database] = process.argv.slice(2) as [string, string, string, string];
console.log([module, label, pinFile, database, ...callsOf(database)].join('\n'));

/** What the HSM is given, byte strings in hexadecimal, and the path of a secret's row. */
function callsOf(path: string): (string | number)[] {
  const db = new Sqlite(path, { readonly: true });
  const record = decodeRecord(
    new Uint8Array(db.prepare('SELECT value FROM entries WHERE path = ?').pluck().get('core/record') as Buffer),
  );
  const row = db.prepare("SELECT path FROM entries WHERE path >= 'data/' LIMIT 1").pluck().get() as string;
  db.close();
  const { wraps, macStanza, authenticated, mac } = record;
  const wrap = wraps[0];
  if (wrap === undefined || macStanza === null) throw new Error('the record has no wrap, or no HMAC');
  return [
    ...[wrap.mechanism, wrap.keyLabel, hex(wrap.keyId), hex(wrap.parameters), hex(wrap.ciphertext)],
    ...[macStanza.mechanism, macStanza.keyLabel, hex(macStanza.keyId)],
    ...[hex(macInput(macStanza, authenticated)), hex(mac)],
    row,
  ];
}
