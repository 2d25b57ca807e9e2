/* Habits of C_Initialize, sessions, mechanism lists, objects and key generation; shim.c says which there are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "shim.h"

#define MAX_SESSIONS 256
#define LABEL_LENGTH 32
#define HMAC_KEY_LENGTH 32

/* Entries stay where they are while a session is open: another thread may be in one. Handle 0 (CK_INVALID_HANDLE): free. */
static struct session sessions[MAX_SESSIONS];
static CK_ULONG open_sessions;
static pthread_mutex_t sessions_lock = PTHREAD_MUTEX_INITIALIZER;

struct session *find_session(CK_SESSION_HANDLE handle)
{
  static _Thread_local struct session unknown;
  struct session *found = memset(&unknown, 0, sizeof unknown);
  pthread_mutex_lock(&sessions_lock);
  for (CK_ULONG i = 0; i < MAX_SESSIONS; i++)
    if (handle != CK_INVALID_HANDLE && sessions[i].handle == handle)
      found = &sessions[i];
  pthread_mutex_unlock(&sessions_lock);
  return found;
}

static void add_session(CK_SESSION_HANDLE handle)
{
  CK_ULONG i = 0;
  while (i < MAX_SESSIONS - 1 && sessions[i].handle != CK_INVALID_HANDLE)
    i++;
  sessions[i] = (struct session){ .handle = handle };
  open_sessions++;
}

/* Changes the number of sessions that the device of keeps-sessions has open by this, unless it has none left: false then. */
static int change_kept(long change)
{
  char value[256], *path;
  if (!fault("keeps-sessions", value, sizeof value))
    return 1;
  long most = strtol(value, &path, 10), open_now = 0;
  int file = open(path + 1, O_RDWR | O_CREAT, 0600);
  if (file < 0 || flock(file, LOCK_EX) != 0)
    abort();
  if (pread(file, &open_now, sizeof open_now, 0) < 0)
    abort();
  int fits = open_now + change <= most;
  open_now += fits ? change : 0;
  if (pwrite(file, &open_now, sizeof open_now, 0) != sizeof open_now)
    abort();
  close(file);
  return fits;
}

static void forget_sessions(void)
{
  pthread_mutex_lock(&sessions_lock);
  memset(sessions, 0, sizeof sessions);
  open_sessions = 0;
  pthread_mutex_unlock(&sessions_lock);
}

/* NSS's own structure has its text where CK_C_INITIALIZE_ARGS has pReserved, which other modules want to be NULL. */
CK_RV habit_C_Initialize(CK_VOID_PTR arguments)
{
  char wanted[512];
  CK_C_INITIALIZE_ARGS plain = { 0 };
  if (fault("library-parameters", wanted, sizeof wanted))
  {
    if (arguments == NULL)
      return CKR_ARGUMENTS_BAD;
    plain = *(CK_C_INITIALIZE_ARGS_PTR)arguments;
    if (plain.pReserved == NULL || strcmp(plain.pReserved, wanted) != 0)
      return CKR_ARGUMENTS_BAD;
    plain.pReserved = NULL;
    arguments = &plain;
  }
  if (asked("one-thread") && arguments != NULL && (((CK_C_INITIALIZE_ARGS_PTR)arguments)->flags & CKF_OS_LOCKING_OK) != 0)
    return CKR_CANT_LOCK;
  CK_RV rv = real->C_Initialize(arguments);
  if (rv == CKR_OK)
    forget_sessions();
  return rv == CKR_OK && asked("already-initialised") ? CKR_CRYPTOKI_ALREADY_INITIALIZED : rv;
}

CK_RV habit_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR s)
{
  char most[32];
  int writable = (flags & CKF_RW_SESSION) != 0;
  if (writable && asked("rw-forbidden"))
    return CKR_TOKEN_WRITE_PROTECTED;
  if (!writable && asked("ro-forbidden"))
    return CKR_FUNCTION_FAILED;
  pthread_mutex_lock(&sessions_lock);
  int full = open_sessions == MAX_SESSIONS || (fault("max-sessions", most, sizeof most) && open_sessions >= strtoul(most, NULL, 10));
  CK_RV rv = full || !change_kept(1) ? CKR_SESSION_COUNT : real->C_OpenSession(slot, flags, app, notify, s);
  if (rv == CKR_OK)
    add_session(*s);
  else if (rv != CKR_SESSION_COUNT)
    change_kept(-1);
  pthread_mutex_unlock(&sessions_lock);
  return rv;
}

CK_RV habit_C_CloseSession(CK_SESSION_HANDLE s)
{
  CK_RV rv = real->C_CloseSession(s);
  struct session *closed = find_session(s);
  pthread_mutex_lock(&sessions_lock);
  if (rv == CKR_OK && closed->handle == s)
  {
    *closed = (struct session){ 0 };
    open_sessions--;
    change_kept(-1);
  }
  pthread_mutex_unlock(&sessions_lock);
  return rv;
}

/* Of this slot; the tests have one. */
CK_RV habit_C_CloseAllSessions(CK_SLOT_ID slot)
{
  CK_RV rv = real->C_CloseAllSessions(slot);
  if (rv == CKR_OK)
  {
    change_kept(-(long)open_sessions);
    forget_sessions();
  }
  return rv;
}

CK_RV habit_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR n)
{
  CK_ULONG all = 0, kept = 0;
  CK_RV rv = real->C_GetMechanismList(slot, NULL, &all);
  CK_MECHANISM_TYPE_PTR types = calloc(all + 1, sizeof *types);
  rv = rv != CKR_OK ? rv : types == NULL ? CKR_HOST_MEMORY : real->C_GetMechanismList(slot, types, &all);
  if (rv == CKR_OK)
  {
    for (CK_ULONG i = 0; i < all; i++)
      if (!asked("no-mechanisms") && !asked_for("without-mechanism", types[i]))
        types[kept++] = types[i];
    if (list != NULL && *n < kept)
      rv = CKR_BUFFER_TOO_SMALL;
    else if (list != NULL)
      memcpy(list, types, kept * sizeof *types);
    *n = kept;
  }
  free(types);
  return rv;
}

CK_RV habit_C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info)
{
  return asked_for("without-mechanism", type) ? CKR_MECHANISM_INVALID : real->C_GetMechanismInfo(slot, type, info);
}

CK_ATTRIBUTE_PTR find_attribute(CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
  for (CK_ULONG i = 0; i < n; i++)
    if (t[i].type == type)
      return &t[i];
  return NULL;
}

/* Whether label-limit refuses the label of a template. */
static int is_label_too_long(CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  char limit[32];
  CK_ATTRIBUTE_PTR label = find_attribute(t, n, CKA_LABEL);
  return label != NULL && fault("label-limit", limit, sizeof limit) && label->ulValueLen > strtoul(limit, NULL, 10);
}

/* `room` is what the caller gave for the label. */
static CK_RV pad_label(CK_ATTRIBUTE_PTR label, CK_ULONG room)
{
  if (label->ulValueLen == CK_UNAVAILABLE_INFORMATION || label->ulValueLen >= LABEL_LENGTH)
    return CKR_OK;
  if (label->pValue != NULL && room < LABEL_LENGTH)
  {
    label->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return CKR_BUFFER_TOO_SMALL;
  }
  if (label->pValue != NULL)
    memset((CK_BYTE_PTR)label->pValue + label->ulValueLen, ' ', LABEL_LENGTH - label->ulValueLen);
  label->ulValueLen = LABEL_LENGTH;
  return CKR_OK;
}

/* The next fault of this name that begins with these numbers, which follow each other after colons: the one after them. */
static int fault_after(const char *name, CK_ULONG first, CK_ULONG second, CK_RV *rv)
{
  char key[96], value[32];
  snprintf(key, sizeof key, "%s:0x%lx:0x%lx", name, first, second);
  if (!fault(key, value, sizeof value))
    return 0;
  *rv = strtoul(value, NULL, 0);
  return 1;
}

/* What untold says of a request for attributes of a key. */
static CK_RV untold(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  CK_KEY_TYPE type = 0;
  CK_ATTRIBUTE asked_type = { CKA_KEY_TYPE, &type, sizeof type };
  CK_RV said = CKR_OK, rv;
  if (!asked("untold") || real->C_GetAttributeValue(s, o, &asked_type, 1) != CKR_OK)
    return CKR_OK;
  for (CK_ULONG i = 0; i < n; i++)
    if (fault_after("untold", t[i].type, type, &rv))
    {
      t[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
      said = rv != CKR_OK ? rv : said;
    }
  return said;
}

/* What attribute-length says. */
static void change_lengths(CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  char key[64], value[32];
  for (CK_ULONG i = 0; i < n; i++)
  {
    snprintf(key, sizeof key, "attribute-length:0x%lx", t[i].type);
    if (fault(key, value, sizeof value))
      t[i].ulValueLen = strtoul(value, NULL, 0);
  }
}

/* create_hmac_key brings the key to the real token; for whoever asks it was made there. */
static void call_made_there(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  static const CK_ATTRIBUTE_TYPE said[] = { CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE };
  CK_KEY_TYPE type = 0;
  CK_ATTRIBUTE asked_type = { CKA_KEY_TYPE, &type, sizeof type };
  if (!asked("own-hmac-length") || real->C_GetAttributeValue(s, o, &asked_type, 1) != CKR_OK || type != CKK_SHA256_HMAC)
    return;
  for (CK_ULONG i = 0; i < sizeof said / sizeof *said; i++)
  {
    CK_ATTRIBUTE_PTR found = find_attribute(t, n, said[i]);
    if (found != NULL && found->pValue != NULL && found->ulValueLen == sizeof(CK_BBOOL))
      *(CK_BBOOL *)found->pValue = CK_TRUE;
  }
}

CK_RV habit_C_GetAttributeValue(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  CK_ATTRIBUTE_PTR label = asked("padded-labels") ? find_attribute(t, n, CKA_LABEL) : NULL;
  CK_ATTRIBUTE_PTR type = asked("no-generic-hmac") ? find_attribute(t, n, CKA_KEY_TYPE) : NULL;
  CK_ULONG room = label == NULL ? 0 : label->ulValueLen;
  CK_RV rv = real->C_GetAttributeValue(s, o, t, n);
  call_made_there(s, o, t, n);
  change_lengths(t, n);
  CK_RV said = untold(s, o, t, n);
  rv = said != CKR_OK ? said : rv;
  if (rv == CKR_OK && type != NULL && type->pValue != NULL && *(CK_KEY_TYPE *)type->pValue == CKK_SHA256_HMAC)
    *(CK_KEY_TYPE *)type->pValue = CKK_AES;
  return rv != CKR_OK || label == NULL ? rv : pad_label(label, room);
}

/* The real token has the label without its blanks. */
CK_RV habit_C_FindObjectsInit(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  if (is_label_too_long(t, n))
    return CKR_DATA_LEN_RANGE;
  if (!asked("padded-labels") || find_attribute(t, n, CKA_LABEL) == NULL)
    return real->C_FindObjectsInit(s, t, n);
  CK_ATTRIBUTE_PTR copy = calloc(n, sizeof *copy);
  if (copy == NULL)
    return CKR_HOST_MEMORY;
  memcpy(copy, t, n * sizeof *copy);
  CK_ATTRIBUTE_PTR label = find_attribute(copy, n, CKA_LABEL);
  if (label->ulValueLen < LABEL_LENGTH)
    *label = (CK_ATTRIBUTE){ CKA_LABEL, "no object has this label", 24 };
  while (label->ulValueLen > 0 && ((CK_BYTE_PTR)label->pValue)[label->ulValueLen - 1] == ' ')
    label->ulValueLen--;
  CK_RV rv = real->C_FindObjectsInit(s, copy, n);
  free(copy);
  return rv;
}

/*
 * A CKK_AES key for HMACs, as no-generic-hmac wants it: the token gets a CKK_SHA256_HMAC key, which its own
 * CKM_SHA256_HMAC takes, and C_GetAttributeValue calls that CKK_AES.
 */
static CK_RV create_hmac_key(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR k)
{
  CK_BYTE value[HMAC_KEY_LENGTH];
  CK_KEY_TYPE type = CKK_SHA256_HMAC;
  CK_OBJECT_CLASS class = CKO_SECRET_KEY;
  CK_ATTRIBUTE_PTR made = calloc(n + 3, sizeof *made);
  if (made == NULL)
    return CKR_HOST_MEMORY;
  CK_ULONG count = 0;
  made[count++] = (CK_ATTRIBUTE){ CKA_CLASS, &class, sizeof class };
  made[count++] = (CK_ATTRIBUTE){ CKA_KEY_TYPE, &type, sizeof type };
  made[count++] = (CK_ATTRIBUTE){ CKA_VALUE, value, sizeof value };
  for (CK_ULONG i = 0; i < n; i++)
    if (t[i].type != CKA_CLASS && t[i].type != CKA_KEY_TYPE && t[i].type != CKA_VALUE_LEN)
      made[count++] = t[i];
  CK_RV rv = real->C_GenerateRandom(s, value, sizeof value);
  rv = rv != CKR_OK ? rv : real->C_CreateObject(s, made, count, k);
  free(made);
  return rv;
}

static int is_false(CK_ATTRIBUTE_PTR a)
{
  return a->ulValueLen == sizeof(CK_BBOOL) && *(CK_BBOOL *)a->pValue == CK_FALSE;
}

/* What refuse-attribute and refuse-type say of a template. */
static CK_RV refused(CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  CK_RV rv = CKR_OK;
  for (CK_ULONG i = 0; i < n; i++)
    if ((!is_false(&t[i]) && fault_after("refuse-attribute", m->mechanism, t[i].type, &rv)) ||
        (t[i].type == CKA_KEY_TYPE && fault_after("refuse-type", m->mechanism, *(CK_KEY_TYPE *)t[i].pValue, &rv)))
      return rv;
  return CKR_OK;
}

static void change(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, const char *hexadecimal)
{
  CK_BYTE id[32];
  CK_ATTRIBUTE changed = { CKA_ID, id, 0 };
  for (; hexadecimal[0] != '\0' && hexadecimal[1] != '\0'; hexadecimal += 2)
    id[changed.ulValueLen++] = (CK_BYTE)strtoul((char[]){ hexadecimal[0], hexadecimal[1], '\0' }, NULL, 16);
  if (real->C_SetAttributeValue(s, o, &changed, 1) != CKR_OK)
    abort();
}

/* What fails-after says of keys that were made. */
static CK_RV after(const char *name, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE_PTR k, CK_OBJECT_HANDLE_PTR l)
{
  char key[96], value[32];
  snprintf(key, sizeof key, "fails-after:%s", name);
  if (!fault(key, value, sizeof value))
    return CKR_OK;
  if (asked("loses-id"))
  {
    change(s, *k, "");
    if (l != NULL)
      change(s, *l, "");
  }
  return strtoul(value, NULL, 0);
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR k);

CK_RV habit_C_GenerateKey(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR k)
{
  if (asked_for("without-mechanism", m->mechanism))
    return CKR_MECHANISM_INVALID;
  if (is_label_too_long(t, n))
    return CKR_DATA_LEN_RANGE;
  CK_RV rv = asked("strict-templates") ? check_secret_template(m->mechanism, t, n) : CKR_OK;
  CK_BYTE id[2];
  if (rv != CKR_OK)
    return rv;
  if (!asked("short-ids"))
    return generate_key(s, m, t, n, k);
  rv = choose_id(s, CKO_SECRET_KEY, t, n, id);
  if (rv != CKR_OK)
    return rv == CKR_FUNCTION_NOT_SUPPORTED ? generate_key(s, m, t, n, k) : rv;
  CK_ULONG count;
  CK_ATTRIBUTE_PTR copy = with_attribute(t, n, (CK_ATTRIBUTE){ CKA_ID, id, sizeof id }, &count);
  rv = generate_key(s, m, copy, count, k);
  free(copy);
  return rv;
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR k)
{
  if (m->mechanism == CKM_GENERIC_SECRET_KEY_GEN && asked("no-generic-keygen"))
    return CKR_MECHANISM_INVALID;
  CK_ATTRIBUTE_PTR signs = find_attribute(t, n, CKA_SIGN);
  if (m->mechanism == CKM_AES_KEY_GEN && asked("no-generic-hmac") && signs != NULL && *(CK_BBOOL *)signs->pValue == CK_TRUE)
    return create_hmac_key(s, t, n, k);
  CK_RV rv = refused(m, t, n);
  if (rv != CKR_OK)
    return rv;
  CK_ATTRIBUTE_PTR type = find_attribute(t, n, CKA_KEY_TYPE);
  if (asked("own-hmac-length") && type != NULL && *(CK_KEY_TYPE *)type->pValue == CKK_SHA256_HMAC && find_attribute(t, n, CKA_VALUE_LEN) == NULL)
    rv = create_hmac_key(s, t, n, k);
  else
    rv = real->C_GenerateKey(s, m, t, n, k);
  char chosen[64];
  CK_ATTRIBUTE_PTR id = find_attribute(t, n, CKA_ID);
  if (rv == CKR_OK && id != NULL && fault("id-of-zeros", chosen, sizeof chosen))
  {
    CK_ULONG i = 0;
    while (i < id->ulValueLen && ((CK_BYTE_PTR)id->pValue)[i] == 0)
      i++;
    if (i == id->ulValueLen)
      change(s, *k, chosen);
  }
  return rv != CKR_OK ? rv : after("C_GenerateKey", s, k, NULL);
}

CK_RV habit_C_GenerateKeyPair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_PTR u, CK_ULONG o, CK_OBJECT_HANDLE_PTR k, CK_OBJECT_HANDLE_PTR l)
{
  static const CK_ATTRIBUTE_TYPE wide[] = { CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP };
  for (CK_ULONG i = 0; i < sizeof wide / sizeof *wide && asked("rsa-narrow"); i++)
    if (find_attribute(t, n, wide[i]) != NULL || find_attribute(u, o, wide[i]) != NULL)
      return CKR_GENERAL_ERROR;
  if (asked_for("without-mechanism", m->mechanism))
    return CKR_MECHANISM_INVALID;
  CK_RV rv = asked("strict-templates") ? check_pair_templates(m->mechanism, t, n, u, o) : CKR_OK;
  rv = rv != CKR_OK ? rv : refused(m, t, n);
  rv = rv != CKR_OK ? rv : refused(m, u, o);
  if (rv != CKR_OK)
    return rv;
  CK_BYTE id[2];
  rv = asked("short-ids") ? choose_id(s, CKO_PRIVATE_KEY, u, o, id) : CKR_FUNCTION_NOT_SUPPORTED;
  if (rv != CKR_OK && rv != CKR_FUNCTION_NOT_SUPPORTED)
    return rv;
  /* What is not to be changed is put in its own place. */
  CK_ATTRIBUTE named = { CKA_ID, id, sizeof id };
  CK_ULONG publics, privates;
  CK_ATTRIBUTE_PTR public = with_attribute(t, n, rv == CKR_OK ? named : t[0], &publics);
  CK_ATTRIBUTE_PTR made = with_attribute(u, o, rv == CKR_OK ? named : u[0], &privates);
  CK_BBOOL no = CK_FALSE;
  CK_ATTRIBUTE_PTR unwrap = find_attribute(u, o, CKA_UNWRAP);
  char when[16];
  int is_meant = unwrap != NULL && !is_false(unwrap);
  if (fault("unwrap-only", when, sizeof when) && (is_meant || strcmp(when, "always") == 0 || (unwrap != NULL && strcmp(when, "mentioned") == 0)))
    for (CK_ULONG i = 0; i < privates; i++)
      if (made[i].type == CKA_DECRYPT || made[i].type == CKA_SIGN)
        made[i].pValue = &no;
  rv = real->C_GenerateKeyPair(s, m, public, publics, made, privates, k, l);
  free(public);
  free(made);
  return rv != CKR_OK ? rv : after("C_GenerateKeyPair", s, k, l);
}

CK_RV habit_C_CreateObject(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
  CK_ATTRIBUTE_PTR class = find_attribute(t, n, CKA_CLASS);
  CK_ATTRIBUTE_PTR private = find_attribute(t, n, CKA_PRIVATE);
  if (asked("data-public") && class != NULL && *(CK_OBJECT_CLASS *)class->pValue == CKO_DATA && private != NULL)
    *(CK_BBOOL *)private->pValue = CK_FALSE;
  return real->C_CreateObject(s, t, n, o);
}

CK_RV habit_C_WrapKey(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE w, CK_OBJECT_HANDLE k, CK_BYTE_PTR out, CK_ULONG_PTR n)
{
  return asked_for("without-mechanism", m->mechanism) ? CKR_MECHANISM_INVALID : real->C_WrapKey(s, m, w, k, out, n);
}

CK_RV habit_C_UnwrapKey(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE u, CK_BYTE_PTR in, CK_ULONG n, CK_ATTRIBUTE_PTR t, CK_ULONG o, CK_OBJECT_HANDLE_PTR k)
{
  return asked_for("without-mechanism", m->mechanism) ? CKR_MECHANISM_INVALID : real->C_UnwrapKey(s, m, u, in, n, t, o, k);
}
