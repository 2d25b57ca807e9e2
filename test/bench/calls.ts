// Prints, one a line, the arguments with which bare.ts and calls.c make the calls of `coffer kv get`:
//
//   tsx calls.ts MODULE LABEL PIN-FILE DATABASE

import Sqlite from 'better-sqlite3';
import { hex } from '../../src/bytes.ts';
import { decodeRecord, macMessageOf } from '../../src/seal/record.ts';

const [module, label, pinFile, database] = process.argv.slice(2) as [string, string, string, string];
console.log([module, label, pinFile, database, ...callsOf(database)].join('\n'));

/** What the HSM is given, byte strings in hexadecimal, and the paths of the rows that are read. */
function callsOf(path: string): (string | number)[] {
  const db = new Sqlite(path, { readonly: true });
  const record = decodeRecord(
    new Uint8Array(db.prepare('SELECT value FROM entries WHERE path = ?').pluck().get('core/record') as Buffer),
  );
  const row = db.prepare("SELECT path FROM entries WHERE path >= 'data/' LIMIT 1").pluck().get() as string;
  const lease = db.prepare("SELECT path FROM entries WHERE path >= 'core/lease/' LIMIT 1").pluck().get() as string;
  const nodes = nodesOf(db);
  db.close();
  const { wraps, macStanza, mac } = record;
  const wrap = wraps[0];
  if (wrap === undefined || macStanza === null) throw new Error('the record has no wrap, or no HMAC');
  return [
    ...[wrap.mechanism, wrap.keyLabel, hex(wrap.keyId), hex(wrap.parameters), hex(wrap.ciphertext)],
    ...[macStanza.mechanism, macStanza.keyLabel, hex(macStanza.keyId)],
    ...[hex(macMessageOf(record)), hex(mac)],
    ...[row, lease, lease.replace('lease', 'sealed'), ...nodes],
  ];
}

/**
 * Rows of the tree: its root and the nodes on the way to three leaves, as many as the record, the mount table and a secret have. Which
 * ones these are only the store's keys tell; any others are as far away.
 */
function nodesOf(db: Sqlite.Database): string[] {
  const all = db
    .prepare("SELECT path FROM entries WHERE path = 'tree' OR (path >= 'tree/' AND path < 'tree0') ORDER BY path")
    .pluck()
    .all() as string[];
  const known = new Set(all);
  const ways = [0.2, 0.5, 0.8].flatMap((part) => {
    const node = all[Math.floor(part * all.length)] ?? '';
    return Array.from(node, (_, at) => node.slice(0, at + 1)).filter((path) => known.has(path));
  });
  return ['core/tree', ...new Set(ways)];
}
