/*
 * The calls of `coffer kv get`, and nothing else: how long the HSM and SQLite take where the program costs nothing.
 * bare.ts makes the same ones in JavaScript, and is given the same arguments by calls.ts.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pkcs11/pkcs11.h"
#include "sqlite3.h"

enum { SELF, MODULE, LABEL, PIN_FILE, DATABASE, WRAP, WRAP_KEY, WRAP_ID, IV, WRAPPED, MAC, MAC_KEY, MAC_ID, MAC_INPUT, MAC_VALUE, ROW, LEASE, SEALED, NODES };
enum { MOST_SLOTS = 32, MOST_KEYS = 16, LONGEST = 4096 };

#define MUST(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "calls: line %d: %s\n", __LINE__, #condition); \
      exit(1); \
    } \
  } while (0)

static sqlite3 *db;

static void run(const char *sql) { MUST(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK); }

/* A statement is prepared once, and used again in the second transaction. */
static void each(sqlite3_stmt **statement, const char *sql, const char *parameter) {
  if (*statement == NULL) MUST(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK);
  if (parameter != NULL) MUST(sqlite3_bind_text(*statement, 1, parameter, -1, SQLITE_TRANSIENT) == SQLITE_OK);
  int step;
  while ((step = sqlite3_step(*statement)) == SQLITE_ROW) sqlite3_column_bytes(*statement, 0);
  MUST(step == SQLITE_DONE);
  sqlite3_reset(*statement);
}

static void check_schema(void) {
  static sqlite3_stmt *id, *version, *schema;
  each(&id, "PRAGMA application_id", NULL);
  each(&version, "PRAGMA user_version", NULL);
  each(&schema, "SELECT type, name, tbl_name, sql FROM main.sqlite_schema LIMIT 2", NULL);
}

static void read_rows(const char *const *paths) {
  static sqlite3_stmt *get;
  for (; *paths != NULL; paths++) each(&get, "SELECT value FROM entries WHERE path = ?", *paths);
}

static CK_ULONG bytes(const char *hex, unsigned char *out) {
  CK_ULONG length = strlen(hex) / 2;
  MUST(length <= LONGEST);
  for (CK_ULONG i = 0; i < length; i++) MUST(sscanf(hex + 2 * i, "%2hhx", &out[i]) == 1);
  return length;
}

static CK_FUNCTION_LIST_PTR api;
static CK_SESSION_HANDLE session;

static void log_in(char **argv) {
  void *module = dlopen(argv[MODULE], RTLD_LAZY);
  MUST(module != NULL);
  CK_C_GetFunctionList list = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
  MUST(list != NULL && list(&api) == CKR_OK);
  CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
  MUST(api->C_Initialize(&args) == CKR_OK);
  CK_SLOT_ID slots[MOST_SLOTS], slot = 0;
  CK_ULONG count = 0;
  MUST(api->C_GetSlotList(CK_TRUE, NULL, &count) == CKR_OK && count <= MOST_SLOTS);
  MUST(api->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK);
  for (CK_ULONG i = 0; i < count; i++) {
    CK_TOKEN_INFO info;
    MUST(api->C_GetTokenInfo(slots[i], &info) == CKR_OK);
    if (memcmp(info.label, argv[LABEL], strlen(argv[LABEL])) == 0) slot = slots[i];
  }
  MUST(api->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK);
  char pin[256] = "";
  FILE *file = fopen(argv[PIN_FILE], "r");
  MUST(file != NULL && fgets(pin, sizeof pin, file) != NULL);
  fclose(file);
  pin[strcspn(pin, "\n")] = '\0';
  MUST(api->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)) == CKR_OK);
}

static CK_OBJECT_HANDLE find(char *label, const char *id) {
  unsigned char bytes_of_id[LONGEST];
  CK_OBJECT_CLASS class = CKO_SECRET_KEY;
  CK_ATTRIBUTE template[] = {
    {CKA_CLASS, &class, sizeof class},
    {CKA_LABEL, label, strlen(label)},
    {CKA_ID, bytes_of_id, bytes(id, bytes_of_id)},
  };
  CK_OBJECT_HANDLE keys[MOST_KEYS];
  CK_ULONG count = 0;
  MUST(api->C_FindObjectsInit(session, template, 3) == CKR_OK);
  MUST(api->C_FindObjects(session, keys, MOST_KEYS, &count) == CKR_OK && count == 1);
  MUST(api->C_FindObjectsFinal(session) == CKR_OK);
  return keys[0];
}

static void open_record(char **argv) {
  static unsigned char iv[LONGEST], wrapped[LONGEST], input[LONGEST], mac[LONGEST], key[LONGEST];
  CK_OBJECT_HANDLE hmac_key = find(argv[MAC_KEY], argv[MAC_ID]);
  CK_MECHANISM hmac = {strtoul(argv[MAC], NULL, 10), NULL, 0};
  MUST(api->C_VerifyInit(session, &hmac, hmac_key) == CKR_OK);
  CK_ULONG input_length = bytes(argv[MAC_INPUT], input), mac_length = bytes(argv[MAC_VALUE], mac), length = sizeof key;
  MUST(api->C_Verify(session, input, input_length, mac, mac_length) == CKR_OK);
  CK_OBJECT_HANDLE wrap_key = find(argv[WRAP_KEY], argv[WRAP_ID]);
  CK_MECHANISM wrap = {strtoul(argv[WRAP], NULL, 10), iv, bytes(argv[IV], iv)};
  MUST(api->C_DecryptInit(session, &wrap, wrap_key) == CKR_OK);
  MUST(api->C_Decrypt(session, wrapped, bytes(argv[WRAPPED], wrapped), key, &length) == CKR_OK);
}

int main(int argc, char **argv) {
  MUST(argc > NODES);
  MUST(sqlite3_open_v2(argv[DATABASE], &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
  sqlite3_stmt *journal = NULL;
  run("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY");
  run("BEGIN");
  check_schema();
  run("COMMIT");
  each(&journal, "PRAGMA journal_mode", NULL);
  sqlite3_finalize(journal);
  run("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
  const char *const state[] = {"core/record", argv[LEASE], argv[SEALED], NULL};
  run("BEGIN");
  check_schema();
  read_rows(state);
  run("COMMIT");
  log_in(argv);
  run("BEGIN");
  check_schema();
  read_rows(state);
  open_record(argv);
  read_rows((const char *const *)argv + NODES);
  const char *const rest[] = {"core/mounts", argv[ROW], NULL};
  read_rows(rest);
  run("COMMIT");
  MUST(api->C_Finalize(NULL) == CKR_OK);
  for (sqlite3_stmt *open; (open = sqlite3_next_stmt(db, NULL)) != NULL;) sqlite3_finalize(open);
  MUST(sqlite3_close(db) == SQLITE_OK);
  return 0;
}
