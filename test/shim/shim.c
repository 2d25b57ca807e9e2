/*
 * A PKCS#11 module that stands in front of a real one (COFFER_SHIM_MODULE), writes the name of every call to
 * COFFER_SHIM_LOG, one a line, and makes faults on request (COFFER_SHIM_FAULT, comma separated):
 *
 *   fail:C_Decrypt:0x30       the function returns this CKR_ value; fail:C_Sign:0x30:2 only its 2nd call
 *   crash:C_Initialize        the process dies by SIGSEGV in it
 *   hang:C_Decrypt:500        it takes 500 ms longer
 *   token-removed-after:12    after 12 calls everything but C_Finalize returns CKR_DEVICE_REMOVED
 *   random-stuck              C_GenerateRandom gives one byte value only
 *   random-biased             every other byte is the same, the rest is random
 *   random-error              C_GenerateRandom returns CKR_RANDOM_NO_RNG
 *   no-token                  C_GetSlotList finds none
 *   pin-count-low, pin-final-try, pin-locked, pin-not-initialised, login-not-required
 *                             flags of C_GetTokenInfo
 *   protected-auth:PIN        the token has a PIN pad: the flag is set, and C_Login with an empty PIN uses this one
 *
 * The environment is read at every call, so that a test can change it under way; counts start anew in C_Initialize.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "pkcs11/pkcs11.h"

#define MAX_FUNCTIONS 128

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST shim;

static unsigned long total;
static struct { const char *name; unsigned long calls; } counts[MAX_FUNCTIONS];

static unsigned long count(const char *name)
{
  total++;
  for (int i = 0; i < MAX_FUNCTIONS; i++)
  {
    if (counts[i].name == NULL)
      counts[i].name = name;
    if (strcmp(counts[i].name, name) == 0)
      return ++counts[i].calls;
  }
  return 0;
}

static void write_log(const char *name)
{
  const char *path = getenv("COFFER_SHIM_LOG");
  int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (file < 0)
    return;
  char line[128];
  int length = snprintf(line, sizeof line, "%s\n", name);
  if (write(file, line, (size_t)length) != length)
    abort();
  close(file);
}

/* The text after `name` and a colon ("" when there is none), copied into `value`; false when it is not asked for. */
static int fault(const char *name, char *value, size_t size)
{
  const char *faults = getenv("COFFER_SHIM_FAULT");
  size_t length = strlen(name);
  while (faults != NULL && *faults != '\0')
  {
    const char *end = strchrnul(faults, ',');
    if (strncmp(faults, name, length) == 0 && (faults[length] == ':' || faults + length == end))
    {
      const char *start = faults + length + (faults[length] == ':');
      snprintf(value, size, "%.*s", (int)(end - start), start);
      return 1;
    }
    faults = *end == ',' ? end + 1 : end;
  }
  return 0;
}

static int asked(const char *name)
{
  char ignored[64];
  return fault(name, ignored, sizeof ignored);
}

/* Logs, counts and makes the general faults. CKR_OK: go on to the real module. */
static CK_RV enter(const char *name)
{
  char key[96], value[96];
  unsigned long call = count(name);
  write_log(name);

  snprintf(key, sizeof key, "crash:%s", name);
  if (asked(key))
  {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
  snprintf(key, sizeof key, "hang:%s", name);
  if (fault(key, value, sizeof value))
  {
    long ms = strtol(value, NULL, 10);
    struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&pause, NULL);
  }
  snprintf(key, sizeof key, "fail:%s", name);
  if (fault(key, value, sizeof value))
  {
    char *nth;
    CK_RV rv = strtoul(value, &nth, 0);
    if (*nth != ':' || strtoul(nth + 1, NULL, 10) == call)
      return rv;
  }
  if (fault("token-removed-after", value, sizeof value) && total > strtoul(value, NULL, 10) && strcmp(name, "C_Finalize") != 0)
    return CKR_DEVICE_REMOVED;
  return CKR_OK;
}

#define FORWARD(name, parameters, arguments) \
  static CK_RV shim_##name parameters        \
  {                                          \
    CK_RV rv = enter(#name);                 \
    return rv != CKR_OK ? rv : real->name arguments; \
  }

FORWARD(C_Finalize, (CK_VOID_PTR p), (p))
FORWARD(C_GetInfo, (CK_INFO_PTR info), (info))
FORWARD(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO_PTR info), (slot, info))
FORWARD(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR n), (slot, list, n))
FORWARD(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info), (slot, type, info))
FORWARD(C_OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR s), (slot, flags, app, notify, s))
FORWARD(C_CloseSession, (CK_SESSION_HANDLE s), (s))
FORWARD(C_CloseAllSessions, (CK_SLOT_ID slot), (slot))
FORWARD(C_GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO_PTR info), (s, info))
FORWARD(C_Logout, (CK_SESSION_HANDLE s), (s))
FORWARD(C_CreateObject, (CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o), (s, t, n, o))
FORWARD(C_DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o), (s, o))
FORWARD(C_GetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n), (s, o, t, n))
FORWARD(C_SetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n), (s, o, t, n))
FORWARD(C_FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n), (s, t, n))
FORWARD(C_FindObjects, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE_PTR o, CK_ULONG max, CK_ULONG_PTR n), (s, o, max, n))
FORWARD(C_FindObjectsFinal, (CK_SESSION_HANDLE s), (s))
FORWARD(C_EncryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
FORWARD(C_Encrypt, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m), (s, in, n, out, m))
FORWARD(C_DecryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
FORWARD(C_Decrypt, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m), (s, in, n, out, m))
FORWARD(C_SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
FORWARD(C_Sign, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m), (s, in, n, out, m))
FORWARD(C_VerifyInit, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
FORWARD(C_Verify, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR sig, CK_ULONG m), (s, in, n, sig, m))
FORWARD(C_GenerateKey, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR k), (s, m, t, n, k))
FORWARD(C_GenerateKeyPair, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_PTR u, CK_ULONG o, CK_OBJECT_HANDLE_PTR k, CK_OBJECT_HANDLE_PTR l), (s, m, t, n, u, o, k, l))
FORWARD(C_WrapKey, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE w, CK_OBJECT_HANDLE k, CK_BYTE_PTR out, CK_ULONG_PTR n), (s, m, w, k, out, n))
FORWARD(C_UnwrapKey, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE u, CK_BYTE_PTR in, CK_ULONG n, CK_ATTRIBUTE_PTR t, CK_ULONG o, CK_OBJECT_HANDLE_PTR k), (s, m, u, in, n, t, o, k))
FORWARD(C_InitToken, (CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG n, CK_UTF8CHAR_PTR label), (slot, pin, n, label))
FORWARD(C_InitPIN, (CK_SESSION_HANDLE s, CK_UTF8CHAR_PTR pin, CK_ULONG n), (s, pin, n))
FORWARD(C_SetPIN, (CK_SESSION_HANDLE s, CK_UTF8CHAR_PTR old, CK_ULONG n, CK_UTF8CHAR_PTR pin, CK_ULONG m), (s, old, n, pin, m))

static CK_RV shim_C_Initialize(CK_VOID_PTR arguments)
{
  total = 0;
  memset(counts, 0, sizeof counts);
  CK_RV rv = enter("C_Initialize");
  return rv != CKR_OK ? rv : real->C_Initialize(arguments);
}

static CK_RV shim_C_GetSlotList(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR n)
{
  CK_RV rv = enter("C_GetSlotList");
  if (rv != CKR_OK || !asked("no-token"))
    return rv != CKR_OK ? rv : real->C_GetSlotList(present, list, n);
  *n = 0;
  return CKR_OK;
}

static CK_RV shim_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
  CK_RV rv = enter("C_GetTokenInfo");
  rv = rv != CKR_OK ? rv : real->C_GetTokenInfo(slot, info);
  if (rv != CKR_OK)
    return rv;
  if (asked("pin-count-low"))
    info->flags |= CKF_USER_PIN_COUNT_LOW;
  if (asked("pin-final-try"))
    info->flags |= CKF_USER_PIN_FINAL_TRY;
  if (asked("pin-locked"))
    info->flags |= CKF_USER_PIN_LOCKED;
  if (asked("pin-not-initialised"))
    info->flags &= ~CKF_USER_PIN_INITIALIZED;
  if (asked("login-not-required"))
    info->flags &= ~CKF_LOGIN_REQUIRED;
  if (asked("protected-auth"))
    info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  return CKR_OK;
}

static CK_RV shim_C_Login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
  char pad[64];
  CK_RV rv = enter("C_Login");
  if (rv != CKR_OK)
    return rv;
  if (length == 0 && fault("protected-auth", pad, sizeof pad))
    return real->C_Login(s, user, (CK_UTF8CHAR_PTR)pad, strlen(pad));
  return real->C_Login(s, user, pin, length);
}

static CK_RV shim_C_GenerateRandom(CK_SESSION_HANDLE s, CK_BYTE_PTR out, CK_ULONG length)
{
  static unsigned odd;
  CK_RV rv = enter("C_GenerateRandom");
  if (rv == CKR_OK && asked("random-error"))
    rv = CKR_RANDOM_NO_RNG;
  rv = rv != CKR_OK ? rv : real->C_GenerateRandom(s, out, length);
  if (rv != CKR_OK)
    return rv;
  if (asked("random-stuck"))
    memset(out, 0x5a, length);
  for (CK_ULONG i = 0; i < length && asked("random-biased"); i++, odd++)
    out[i] = odd % 2 == 0 ? 0x5a : out[i] == 0x5a ? 0x5b : out[i];
  return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
  if (real == NULL)
  {
    const char *path = getenv("COFFER_SHIM_MODULE");
    void *module = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = module == NULL ? NULL : (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
    if (get == NULL)
    {
      fprintf(stderr, "shim: COFFER_SHIM_MODULE: %s\n", path == NULL ? "not set" : dlerror());
      return CKR_GENERAL_ERROR;
    }
    CK_RV rv = get(&real);
    if (rv != CKR_OK)
      return rv;
    shim = *real;
#define OVERRIDE(name) shim.name = shim_##name;
    OVERRIDE(C_Initialize)
    OVERRIDE(C_Finalize)
    OVERRIDE(C_GetInfo)
    OVERRIDE(C_GetSlotList)
    OVERRIDE(C_GetSlotInfo)
    OVERRIDE(C_GetTokenInfo)
    OVERRIDE(C_GetMechanismList)
    OVERRIDE(C_GetMechanismInfo)
    OVERRIDE(C_OpenSession)
    OVERRIDE(C_CloseSession)
    OVERRIDE(C_CloseAllSessions)
    OVERRIDE(C_GetSessionInfo)
    OVERRIDE(C_Login)
    OVERRIDE(C_Logout)
    OVERRIDE(C_CreateObject)
    OVERRIDE(C_DestroyObject)
    OVERRIDE(C_GetAttributeValue)
    OVERRIDE(C_SetAttributeValue)
    OVERRIDE(C_FindObjectsInit)
    OVERRIDE(C_FindObjects)
    OVERRIDE(C_FindObjectsFinal)
    OVERRIDE(C_EncryptInit)
    OVERRIDE(C_Encrypt)
    OVERRIDE(C_DecryptInit)
    OVERRIDE(C_Decrypt)
    OVERRIDE(C_SignInit)
    OVERRIDE(C_Sign)
    OVERRIDE(C_VerifyInit)
    OVERRIDE(C_Verify)
    OVERRIDE(C_GenerateKey)
    OVERRIDE(C_GenerateKeyPair)
    OVERRIDE(C_WrapKey)
    OVERRIDE(C_UnwrapKey)
    OVERRIDE(C_GenerateRandom)
    OVERRIDE(C_InitToken)
    OVERRIDE(C_InitPIN)
    OVERRIDE(C_SetPIN)
  }
  *list = &shim;
  return CKR_OK;
}
