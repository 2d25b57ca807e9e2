/*
 * A PKCS#11 module that stands in front of a real one (COFFER_SHIM_MODULE), writes the name of every call to
 * COFFER_SHIM_LOG, one a line, and makes faults on request (COFFER_SHIM_FAULT, comma separated):
 *
 *   fail:C_Decrypt:0x30       the function returns this CKR_ value; fail:C_Sign:0x30:2 only its 2nd call, and fail:C_Sign:0x30:+2
 *                             only its 2nd in this process
 *   crash:C_Initialize        the process dies by SIGSEGV in it, whatever handler there is
 *   misbehave:C_Login:segv    what misbehave.c calls so, in C_Login (or another C_ function, C_GetFunctionList, constructor,
 *                             destructor); misbehave:C_Decrypt:segv:2 only in its 2nd call; thread-segv in a thread, while
 *                             the call waits; later-segv in a thread, some time after the call
 *   hang:C_Decrypt:500        it takes 500 ms longer
 *   hold:C_Sign:3:/path       its 3rd call in this process makes the file /path.held, and waits until there is a file /path
 *   token-removed-after:12    after 12 calls everything but C_Finalize returns CKR_DEVICE_REMOVED
 *   random-stuck              C_GenerateRandom gives one byte value only
 *   random-biased             every other byte is the same, the rest is random
 *   random-error              C_GenerateRandom returns CKR_RANDOM_NO_RNG
 *   no-token                  C_GetSlotList finds none
 *   obeys:NAME                every function but C_Finalize is CKR_ARGUMENTS_BAD where a file of this name was ever to be read by a
 *                             relative path, while it was loaded or in a call
 *   sets:NAME                 it sets this variable of the environment when it is loaded
 *   manufacturer:TEXT         what C_GetInfo says of the module
 *   token-manufacturer:TEXT   what C_GetTokenInfo says of the token
 *   pin-count-low, pin-final-try, pin-locked, pin-not-initialised, login-not-required
 *                             flags of C_GetTokenInfo
 *   not-initialised           the flag CKF_TOKEN_INITIALIZED is not set, nor does it want a login
 *   pin-flags-silent          it never says that a wrong PIN was given
 *   so-pin-final-try, so-pin-locked
 *                             the same of the security officer's PIN
 *   protected-auth:PIN        the token has a PIN pad: the flag is set, and this is entered there where a PIN is empty
 *
 * and has the habits of other modules (habits.c, ciphers.c, oaep.c):
 *
 *   gcm-own-iv, gcm-own-iv:16 C_Encrypt by CKM_AES_GCM takes no notice of the IV that it is given, makes one of 12 (16)
 *                             bytes and appends it to ciphertext and tag; C_Decrypt takes the IV that it is given
 *   gcm-zero-iv:0x71          C_EncryptInit by CKM_AES_GCM returns this value unless the IV is 12 bytes of zero; it makes one
 *                             and writes it there
 *   gcm-zero-iv-late          with gcm-zero-iv: C_Encrypt writes it there
 *   gcm-zero-iv-kept          with gcm-zero-iv: the zeros are what it encrypts with
 *   gcm-no-iv-bits            CK_GCM_PARAMS must not have ulIvBits, else CKR_MECHANISM_PARAM_INVALID
 *   gcm-iv-bits-only          CK_GCM_PARAMS must have ulIvBits
 *   oaep-hash:0x250           OAEP with this hash (a CKM_ number) only, else CKR_ARGUMENTS_BAD; may be there several times
 *   buffer-too-small          C_Encrypt and C_Decrypt want 4096 bytes more room than their input, C_Sign wants 4096
 *   input-limit:1024          C_Sign, C_Verify, C_Encrypt, C_Decrypt and the parts of C_SignUpdate and C_VerifyUpdate:
 *                             longer input is refused with CKR_DATA_LEN_RANGE
 *   limit-says-buffer         with CKR_BUFFER_TOO_SMALL instead
 *   keeps-failed              an operation that failed stays active: CKR_OPERATION_ACTIVE to the next in that session
 *   no-decrypt:0x1085         C_Decrypt by this mechanism returns CKR_GENERAL_ERROR
 *   altered-says:0x30         C_Decrypt returns this value for a ciphertext that the real module does not decrypt
 *   label-limit:8             a longer CKA_LABEL in a template is CKR_DATA_LEN_RANGE
 *   blank-token:TEXT          C_GetTokenInfo describes a token before C_InitToken, with this label
 *   rsa-length-unset          C_Encrypt by RSA leaves the length of its output as it was given
 *   rsa-narrow                C_GenerateKeyPair is CKR_GENERAL_ERROR for a template that speaks of signing or wrapping
 *   refuse-attribute:0x1080:0x106:0x13
 *                             C_GenerateKey and C_GenerateKeyPair by this mechanism return this value for a template in which this
 *                             attribute is not false; may be there several times
 *   refuse-type:0x350:0x10:0xd1
 *                             the same for a CKA_KEY_TYPE
 *   own-hmac-length           C_GenerateKey makes a CKK_SHA256_HMAC key of 32 bytes where there is no CKA_VALUE_LEN
 *   unwrap-only:true          C_GenerateKeyPair makes a private key that does not decrypt or sign where CKA_UNWRAP is true;
 *                             unwrap-only:mentioned also where it is false, unwrap-only:always in any case
 *   id-of-zeros:5a3b          C_GenerateKey gives this CKA_ID to a key that is to have one of zeros
 *   fails-after:C_GenerateKey:0x200
 *                             C_GenerateKey (or C_GenerateKeyPair) does it, and returns this value
 *   loses-id                  with fails-after: what it makes has no CKA_ID
 *   untold:0x100:0x2b:0x6     C_GetAttributeValue of this attribute of a key of this CKA_KEY_TYPE is this value, or says that it is
 *                             unavailable where it is 0
 *   attribute-length:0x100:0x10000000000
 *                             C_GetAttributeValue gives this length for this attribute, before and with its value
 *   no-random                 C_GenerateRandom returns CKR_FUNCTION_NOT_SUPPORTED
 *   no-generic-hmac           CKM_SHA256_HMAC wants a CKK_AES key: CKR_KEY_TYPE_INCONSISTENT for CKK_GENERIC_SECRET
 *   no-generic-keygen         CKM_GENERIC_SECRET_KEY_GEN is CKR_MECHANISM_INVALID
 *   without-mechanism:0x1087  not in C_GetMechanismList, and CKR_MECHANISM_INVALID; may be there several times
 *   no-mechanisms             C_GetMechanismList lists none
 *   padded-labels             CKA_LABEL is padded with blanks to 32 bytes, and is found only so
 *   data-public               C_CreateObject makes a data object a public one, whatever it is told
 *   rw-forbidden              a read-write session is CKR_TOKEN_WRITE_PROTECTED
 *   ro-forbidden              a read-only session is CKR_FUNCTION_FAILED
 *   max-sessions:2            one more is CKR_SESSION_COUNT
 *   keeps-sessions:16:/path   the device has so many for all processes together, and C_Finalize closes none: /path holds their number
 *   one-thread                C_Initialize is CKR_CANT_LOCK where it is asked for the locks of the operating system
 *   already-initialised       C_Initialize does it, and returns CKR_CRYPTOKI_ALREADY_INITIALIZED
 *   already-logged-in         C_Login does it, and returns CKR_USER_ALREADY_LOGGED_IN
 *   sign-message:3114, verify-message:3082
 *                             longer input of C_Sign is CKR_BUFFER_TOO_SMALL, of C_Verify CKR_ARGUMENTS_BAD
 *   strict-templates          C_GenerateKey and C_GenerateKeyPair take what the module of the YubiHSM 2 takes (templates.c): no
 *                             CKA_WRAP or CKA_UNWRAP that is true in a secret key, an HMAC key as CKK_SHA256_HMAC without CKA_VALUE_LEN
 *   short-ids                 a new key without CKA_ID, or with the id 0000, gets one of 2 bytes that the device chooses; an id of 2 bytes
 *                             that another key of its class has is CKR_ATTRIBUTE_VALUE_INVALID
 *   pin-names-key:0001        a PIN is 4 hexadecimal digits and a password of 8 to 64 bytes: C_Login is CKR_ARGUMENTS_BAD for another
 *                             length, CKR_PIN_INCORRECT for other digits, CKR_OBJECT_HANDLE_INVALID for the number of another key
 *   library-parameters:TEXT   C_Initialize is CKR_ARGUMENTS_BAD unless NSS's library parameters are TEXT
 *
 * A profile stands for the habits of one module, which it lists:
 *
 *   yubihsm2                  Yubico's own, as it was seen against a simulator of the device
 *
 * With COFFER_SHIM_LOG_DETAIL=1 a call's mechanism or C_OpenSession's flags stand after its name: "C_SignInit 0x251".
 *
 * The environment is read at every call, so that a test can change it under way; counts start anew in C_Initialize, but not those
 * of hold and of a number with a plus sign.
 * COFFER_SHIM_FAULT=@/path names a file that holds the faults, which can so change for a process that runs.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "shim.h"

#define MAX_FUNCTIONS 128

CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST shim;

static unsigned long total;
static struct { const char *name; unsigned long calls, ever; } counts[MAX_FUNCTIONS];

static pthread_mutex_t counts_lock = PTHREAD_MUTEX_INITIALIZER;

/* `ever` is set to the number of calls in this process. */
static unsigned long count(const char *name, unsigned long *ever)
{
  unsigned long calls = 0;
  pthread_mutex_lock(&counts_lock);
  total++;
  for (int i = 0; i < MAX_FUNCTIONS && calls == 0; i++)
  {
    if (counts[i].name == NULL)
      counts[i].name = name;
    if (strcmp(counts[i].name, name) == 0)
    {
      calls = ++counts[i].calls;
      *ever = ++counts[i].ever;
    }
  }
  pthread_mutex_unlock(&counts_lock);
  return calls;
}

static void write_log(const char *name, const CK_ULONG *detail)
{
  const char *path = getenv("COFFER_SHIM_LOG");
  const char *detailed = getenv("COFFER_SHIM_LOG_DETAIL");
  int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (file < 0)
    return;
  char line[128];
  int length = detail != NULL && detailed != NULL && strcmp(detailed, "1") == 0
    ? snprintf(line, sizeof line, "%s 0x%lx\n", name, *detail)
    : snprintf(line, sizeof line, "%s\n", name);
  if (write(file, line, (size_t)length) != length)
    abort();
  close(file);
}

/* Goes on from `at` to the next fault of this name, and past it; its text after the colon is copied into `value`. */
static int next_fault(const char **at, const char *name, char *value, size_t size)
{
  size_t length = strlen(name);
  while (*at != NULL && **at != '\0')
  {
    const char *this = *at, *end = strchrnul(this, ',');
    *at = *end == ',' ? end + 1 : end;
    if (strncmp(this, name, length) == 0 && (this[length] == ':' || this + length == end))
    {
      const char *start = this + length + (this[length] == ':');
      snprintf(value, size, "%.*s", (int)(end - start), start);
      return 1;
    }
  }
  return 0;
}

static const char *faults(void)
{
  static __thread char text[1024];
  const char *given = getenv("COFFER_SHIM_FAULT");
  if (given == NULL || *given != '@')
    return given;
  int file = open(given + 1, O_RDONLY);
  ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
  if (file >= 0)
    close(file);
  text[length < 0 ? 0 : length] = '\0';
  return text;
}

static const struct
{
  const char *name, *faults;
} PROFILES[] = {
  { "yubihsm2", "manufacturer:Yubico (www.yubico.com),token-manufacturer:Yubico (www.yubico.com),pin-flags-silent,pin-names-key:0001,"
                "fail:C_InitToken:0x54,fail:C_CreateObject:0x13,without-mechanism:0x1087,oaep-hash:0x220,oaep-hash:0x250,oaep-hash:0x260,oaep-hash:0x270,"
                "sign-message:3114,verify-message:3082,strict-templates,own-hmac-length,unwrap-only:true,untold:0x100:0x2b:0x6,short-ids" },
};
enum { PROFILE_COUNT = sizeof PROFILES / sizeof *PROFILES };

/* The faults that are asked for, and then those of each profile that is; NULL at the end. */
static const char *fault_list(int at)
{
  char ignored[8];
  const char *given = faults();
  if (at == 0)
    return given;
  for (int i = 0; i < PROFILE_COUNT; i++)
  {
    const char *all = given;
    if (next_fault(&all, PROFILES[i].name, ignored, sizeof ignored) && --at == 0)
      return PROFILES[i].faults;
  }
  return NULL;
}

int fault(const char *name, char *value, size_t size)
{
  int list = 0;
  for (const char *at; (at = fault_list(list)) != NULL; list++)
    if (next_fault(&at, name, value, size))
      return 1;
  return 0;
}

int asked(const char *name)
{
  char ignored[64];
  return fault(name, ignored, sizeof ignored);
}

int asked_for(const char *name, CK_ULONG number)
{
  char value[64];
  int list = 0;
  for (const char *at; (at = fault_list(list)) != NULL; list++)
    while (next_fault(&at, name, value, sizeof value))
      if (strtoul(value, NULL, 0) == number)
        return 1;
  return 0;
}

/* Waits, where this call of the function is the one that is asked for. */
static void hold(const char *name, unsigned long ever)
{
  char key[96], value[256], held[sizeof value + 8];
  snprintf(key, sizeof key, "hold:%s", name);
  if (!fault(key, value, sizeof value))
    return;
  char *path;
  if (strtoul(value, &path, 10) != ever || *path != ':')
    return;
  path++;
  snprintf(held, sizeof held, "%s.held", path);
  int file = open(held, O_WRONLY | O_CREAT, 0600);
  if (file < 0)
    abort();
  close(file);
  while (access(path, F_OK) != 0)
    usleep(10000);
}

/* Whether the file of obeys was seen. */
static int obeys(void)
{
  static _Atomic int seen;
  char name[64];
  if (fault("obeys", name, sizeof name) && access(name, R_OK) == 0)
    seen = 1;
  return seen;
}

__attribute__((constructor)) static void look_around(void)
{
  char name[64];
  obeys();
  if (fault("sets", name, sizeof name))
    setenv(name, "set by the module", 1);
}

/* Logs, counts and makes the general faults. CKR_OK: go on to the real module. */
static CK_RV enter(const char *name, const CK_ULONG *detail)
{
  char key[96], value[96];
  unsigned long ever = 0, call = count(name, &ever);
  write_log(name, detail);

  misbehave(name, call);
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
    while (nanosleep(&pause, &pause) != 0)
      ; /* a signal does not end it */
  }
  hold(name, ever);
  if (obeys() && strcmp(name, "C_Finalize") != 0)
    return CKR_ARGUMENTS_BAD;
  snprintf(key, sizeof key, "fail:%s", name);
  if (fault(key, value, sizeof value))
  {
    char *nth;
    CK_RV rv = strtoul(value, &nth, 0);
    int in_process = strncmp(nth, ":+", 2) == 0;
    if (*nth != ':' || strtoul(nth + 1 + in_process, NULL, 10) == (in_process ? ever : call))
      return rv;
  }
  if (fault("token-removed-after", value, sizeof value) && total > strtoul(value, NULL, 10) && strcmp(name, "C_Finalize") != 0)
    return CKR_DEVICE_REMOVED;
  return CKR_OK;
}

static const CK_ULONG *type_of(CK_MECHANISM_PTR mechanism)
{
  return mechanism == NULL ? NULL : &mechanism->mechanism;
}

#define SHIM(name, detail, next, parameters, arguments) \
  static CK_RV shim_##name parameters                   \
  {                                                     \
    CK_RV rv = enter(#name, detail);                    \
    return rv != CKR_OK ? rv : next arguments;          \
  }
#define FORWARD(name, parameters, arguments) SHIM(name, NULL, real->name, parameters, arguments)
#define HABIT(name, parameters, arguments) SHIM(name, NULL, habit_##name, parameters, arguments)
/* Of an operation that begins, and of one that ends, in session s; see keeps-failed. */
#define BEGINS(name, detail, parameters, arguments)                                \
  static CK_RV shim_##name parameters                                              \
  {                                                                                \
    CK_RV rv = enter(#name, detail);                                               \
    if (rv == CKR_OK && find_session(s)->is_stuck)                                 \
      return CKR_OPERATION_ACTIVE;                                                 \
    return rv != CKR_OK ? rv : habit_##name arguments;                             \
  }
#define ENDS(name, parameters, arguments)                                          \
  static CK_RV shim_##name parameters                                              \
  {                                                                                \
    CK_RV rv = enter(#name, NULL);                                                 \
    rv = rv != CKR_OK ? rv : habit_##name arguments;                               \
    if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL && asked("keeps-failed"))       \
      find_session(s)->is_stuck = 1;                                               \
    return rv;                                                                     \
  }
#define HABIT_OF(name, detail, parameters, arguments) SHIM(name, detail, habit_##name, parameters, arguments)

static CK_RV get_info(CK_INFO_PTR info)
{
  char text[sizeof info->manufacturerID + 1];
  CK_RV rv = real->C_GetInfo(info);
  if (rv == CKR_OK && fault("manufacturer", text, sizeof text)) {
    memset(info->manufacturerID, ' ', sizeof info->manufacturerID);
    memcpy(info->manufacturerID, text, strlen(text));
  }
  return rv;
}

FORWARD(C_Finalize, (CK_VOID_PTR p), (p))
SHIM(C_GetInfo, NULL, get_info, (CK_INFO_PTR info), (info))
FORWARD(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO_PTR info), (slot, info))
HABIT(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR n), (slot, list, n))
HABIT(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info), (slot, type, info))
HABIT_OF(C_OpenSession, &flags, (CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR s), (slot, flags, app, notify, s))
HABIT(C_CloseSession, (CK_SESSION_HANDLE s), (s))
HABIT(C_CloseAllSessions, (CK_SLOT_ID slot), (slot))
FORWARD(C_GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO_PTR info), (s, info))
FORWARD(C_Logout, (CK_SESSION_HANDLE s), (s))
HABIT(C_CreateObject, (CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o), (s, t, n, o))
FORWARD(C_DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o), (s, o))
HABIT(C_GetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n), (s, o, t, n))
FORWARD(C_SetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n), (s, o, t, n))
BEGINS(C_FindObjectsInit, NULL, (CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n), (s, t, n))
FORWARD(C_FindObjects, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE_PTR o, CK_ULONG max, CK_ULONG_PTR n), (s, o, max, n))
FORWARD(C_FindObjectsFinal, (CK_SESSION_HANDLE s), (s))
BEGINS(C_EncryptInit, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
ENDS(C_Encrypt, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m), (s, in, n, out, m))
BEGINS(C_DecryptInit, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
ENDS(C_Decrypt, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m), (s, in, n, out, m))
BEGINS(C_SignInit, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
ENDS(C_Sign, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m), (s, in, n, out, m))
BEGINS(C_VerifyInit, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k), (s, m, k))
ENDS(C_Verify, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR sig, CK_ULONG m), (s, in, n, sig, m))
HABIT(C_SignUpdate, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n), (s, in, n))
FORWARD(C_SignFinal, (CK_SESSION_HANDLE s, CK_BYTE_PTR out, CK_ULONG_PTR m), (s, out, m))
HABIT(C_VerifyUpdate, (CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n), (s, in, n))
FORWARD(C_VerifyFinal, (CK_SESSION_HANDLE s, CK_BYTE_PTR sig, CK_ULONG m), (s, sig, m))
HABIT_OF(C_GenerateKey, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR k), (s, m, t, n, k))
HABIT_OF(C_GenerateKeyPair, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_PTR u, CK_ULONG o, CK_OBJECT_HANDLE_PTR k, CK_OBJECT_HANDLE_PTR l), (s, m, t, n, u, o, k, l))
HABIT_OF(C_WrapKey, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE w, CK_OBJECT_HANDLE k, CK_BYTE_PTR out, CK_ULONG_PTR n), (s, m, w, k, out, n))
HABIT_OF(C_UnwrapKey, type_of(m), (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE u, CK_BYTE_PTR in, CK_ULONG n, CK_ATTRIBUTE_PTR t, CK_ULONG o, CK_OBJECT_HANDLE_PTR k), (s, m, u, in, n, t, o, k))
FORWARD(C_SetPIN, (CK_SESSION_HANDLE s, CK_UTF8CHAR_PTR old, CK_ULONG n, CK_UTF8CHAR_PTR pin, CK_ULONG m), (s, old, n, pin, m))

static CK_RV shim_C_Initialize(CK_VOID_PTR arguments)
{
  total = 0;
  for (int i = 0; i < MAX_FUNCTIONS; i++)
    counts[i].calls = 0;
  CK_RV rv = enter("C_Initialize", NULL);
  return rv != CKR_OK ? rv : habit_C_Initialize(arguments);
}

static CK_RV shim_C_GetSlotList(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR n)
{
  CK_RV rv = enter("C_GetSlotList", NULL);
  if (rv != CKR_OK || !asked("no-token"))
    return rv != CKR_OK ? rv : real->C_GetSlotList(present, list, n);
  *n = 0;
  return CKR_OK;
}

static CK_RV shim_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
  CK_RV rv = enter("C_GetTokenInfo", NULL);
  rv = rv != CKR_OK ? rv : real->C_GetTokenInfo(slot, info);
  if (rv != CKR_OK)
    return rv;
  char label[33], text[33];
  if (fault("token-manufacturer", text, sizeof text))
  {
    memset(info->manufacturerID, ' ', sizeof info->manufacturerID);
    memcpy(info->manufacturerID, text, strlen(text));
  }
  if ((info->flags & CKF_TOKEN_INITIALIZED) != 0 && fault("blank-token", label, sizeof label))
  {
    info->flags &= ~(CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED);
    memset(info->label, ' ', sizeof info->label);
    memcpy(info->label, label, strlen(label));
  }
  if (asked("pin-flags-silent"))
    info->flags &= ~(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY);
  if (asked("so-pin-final-try"))
    info->flags |= CKF_SO_PIN_FINAL_TRY;
  if (asked("so-pin-locked"))
    info->flags |= CKF_SO_PIN_LOCKED;
  if (asked("pin-count-low"))
    info->flags |= CKF_USER_PIN_COUNT_LOW;
  if (asked("pin-final-try"))
    info->flags |= CKF_USER_PIN_FINAL_TRY;
  if (asked("pin-locked"))
    info->flags |= CKF_USER_PIN_LOCKED;
  if (asked("pin-not-initialised"))
    info->flags &= ~CKF_USER_PIN_INITIALIZED;
  if (asked("not-initialised"))
    info->flags &= ~(CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED);
  if (asked("login-not-required"))
    info->flags &= ~CKF_LOGIN_REQUIRED;
  if (asked("protected-auth"))
    info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  return CKR_OK;
}

/* What somebody enters on the PIN pad takes the place of a PIN that is empty. */
static void pin_pad(char *pad, size_t room, CK_UTF8CHAR_PTR *pin, CK_ULONG *length)
{
  if (*length != 0 || !fault("protected-auth", pad, room))
    return;
  *pin = (CK_UTF8CHAR_PTR)pad;
  *length = strlen(pad);
}

static CK_RV shim_C_InitToken(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG length, CK_UTF8CHAR_PTR label)
{
  char pad[64];
  CK_RV rv = enter("C_InitToken", NULL);
  pin_pad(pad, sizeof pad, &pin, &length);
  return rv != CKR_OK ? rv : real->C_InitToken(slot, pin, length, label);
}

static CK_RV shim_C_InitPIN(CK_SESSION_HANDLE s, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
  char pad[64];
  CK_RV rv = enter("C_InitPIN", NULL);
  pin_pad(pad, sizeof pad, &pin, &length);
  return rv != CKR_OK ? rv : real->C_InitPIN(s, pin, length);
}

/* What pin-names-key says of a PIN. */
static CK_RV check_pin(CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
  enum { DIGITS = 4, SHORTEST = 8, LONGEST = 64 };
  char known[DIGITS + 1];
  if (!fault("pin-names-key", known, sizeof known))
    return CKR_OK;
  if (length < DIGITS + SHORTEST || length > DIGITS + LONGEST)
    return CKR_ARGUMENTS_BAD;
  for (int i = 0; i < DIGITS; i++)
    if (!isxdigit(pin[i]))
      return CKR_PIN_INCORRECT;
  return strncasecmp((const char *)pin, known, DIGITS) == 0 ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

static CK_RV shim_C_Login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
  char pad[64];
  CK_RV rv = enter("C_Login", NULL);
  pin_pad(pad, sizeof pad, &pin, &length);
  rv = rv != CKR_OK ? rv : check_pin(pin, length);
  rv = rv != CKR_OK ? rv : real->C_Login(s, user, pin, length);
  return rv == CKR_OK && asked("already-logged-in") ? CKR_USER_ALREADY_LOGGED_IN : rv;
}

static CK_RV shim_C_GenerateRandom(CK_SESSION_HANDLE s, CK_BYTE_PTR out, CK_ULONG length)
{
  static unsigned odd;
  CK_RV rv = enter("C_GenerateRandom", NULL);
  if (rv == CKR_OK && asked("random-error"))
    rv = CKR_RANDOM_NO_RNG;
  if (rv == CKR_OK && asked("no-random"))
    rv = CKR_FUNCTION_NOT_SUPPORTED;
  rv = rv != CKR_OK ? rv : real->C_GenerateRandom(s, out, length);
  if (rv != CKR_OK)
    return rv;
  if (asked("random-stuck"))
    memset(out, 0x5a, length);
  for (CK_ULONG i = 0; i < length && asked("random-biased"); i++, odd++)
    out[i] = odd % 2 == 0 ? 0x5a : out[i] == 0x5a ? 0x5b : out[i];
  return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
  misbehave("C_GetFunctionList", 1);
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
    OVERRIDE(C_SignUpdate)
    OVERRIDE(C_SignFinal)
    OVERRIDE(C_VerifyInit)
    OVERRIDE(C_Verify)
    OVERRIDE(C_VerifyUpdate)
    OVERRIDE(C_VerifyFinal)
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
