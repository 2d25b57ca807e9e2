// The calls of `coffer kv get`, and nothing else, compiled as coffer is and with its add-ons: what is left of a command where
// coffer's own code costs nothing. calls.c makes the same ones; calls.ts gives both their arguments.

import { readFileSync } from 'node:fs';
import Sqlite, { type Statement } from 'better-sqlite3';
import pkcs11js, { type PKCS11 } from 'pkcs11js';

const [
  module,
  label,
  pinFile,
  database,
  wrap,
  wrapKey,
  wrapId,
  iv,
  wrapped,
  mac,
  macKey,
  macId,
  macInput,
  macValue,
  row,
  lease,
  sealed,
  ...nodes
] = process.argv.slice(2) as Arguments;
const MOST_KEYS = 16;

const db = new Sqlite(database, { fileMustExist: true });
const statements = new Map<string, Statement>();
db.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY');
db.exec('BEGIN');
checkSchema();
db.exec('COMMIT');
prepare('PRAGMA journal_mode').pluck().get();
db.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
db.exec('BEGIN');
checkSchema();
readRows('core/record', lease, sealed);
db.exec('COMMIT');
const api = new pkcs11js.PKCS11();
const session = login(api);
db.exec('BEGIN');
checkSchema();
readRows('core/record', lease, sealed);
openRecord(api, session);
readRows(...nodes, 'core/mounts', row);
db.exec('COMMIT');
api.C_Finalize();
db.close();

function prepare(sql: string): Statement {
  const statement = statements.get(sql) ?? db.prepare(sql);
  statements.set(sql, statement);
  return statement;
}

function checkSchema(): void {
  prepare('PRAGMA application_id').pluck().get();
  prepare('PRAGMA user_version').pluck().get();
  prepare('SELECT type, name, tbl_name, sql FROM main.sqlite_schema LIMIT 2').raw().all();
}

function readRows(...paths: string[]): void {
  for (const path of paths) prepare('SELECT value FROM entries WHERE path = ?').pluck().get(path);
}

function login(api: PKCS11): Buffer {
  api.load(module);
  api.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  const slots = api.C_GetSlotList(true).filter((each) => api.C_GetTokenInfo(each).label.trimEnd() === label);
  const session = api.C_OpenSession(slots[0] ?? Buffer.alloc(0), pkcs11js.CKF_SERIAL_SESSION);
  api.C_Login(session, pkcs11js.CKU_USER, readFileSync(pinFile, 'latin1').trim());
  return session;
}

function find(api: PKCS11, session: Buffer, label: string, id: string): Buffer {
  api.C_FindObjectsInit(session, [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_LABEL, value: label },
    { type: pkcs11js.CKA_ID, value: Buffer.from(id, 'hex') },
  ]);
  const [key] = api.C_FindObjects(session, MOST_KEYS);
  api.C_FindObjectsFinal(session);
  if (key === undefined) throw new Error(`no key ${label}`);
  return key;
}

function openRecord(api: PKCS11, session: Buffer): void {
  const hmacKey = find(api, session, macKey, macId);
  api.C_VerifyInit(session, { mechanism: Number(mac) }, hmacKey);
  api.C_Verify(session, Buffer.from(macInput, 'hex'), Buffer.from(macValue, 'hex'));
  const key = find(api, session, wrapKey, wrapId);
  api.C_DecryptInit(session, { mechanism: Number(wrap), parameter: Buffer.from(iv, 'hex') }, key);
  const sealed = Buffer.from(wrapped, 'hex');
  api.C_Decrypt(session, sealed, Buffer.alloc(sealed.length));
}

/** As `callsOf` in calls.ts lists them. */
type Arguments = [
  ...[string, string, string, string],
  ...[string, string, string, string, string],
  ...[string, string, string, string, string],
  ...[string, string, string],
  ...string[],
];
