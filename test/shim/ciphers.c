/* Habits of encryption, decryption, signing and verification; shim.c says which there are. */
#include <stdlib.h>
#include <string.h>
#include "shim.h"

/* What buffer-too-small wants to have over. */
#define MORE_ROOM 4096
/* More than any mechanism adds to its input. */
#define MAX_GROWTH 8192

/* CK_GCM_PARAMS as the text of PKCS#11 v2.40 has it. */
struct gcm_params_without_iv_bits
{
  CK_BYTE_PTR pIv;
  CK_ULONG ulIvLen;
  CK_BYTE_PTR pAAD;
  CK_ULONG ulAADLen;
  CK_ULONG ulTagBits;
};

typedef CK_RV (*start_function)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE);

/* The layout with ulIvBits, which SoftHSM takes, whichever was given and is asked for. */
static CK_RV read_gcm(CK_MECHANISM_PTR m, CK_GCM_PARAMS_PTR params)
{
  struct gcm_params_without_iv_bits shorter;
  int has_iv_bits = m->ulParameterLen == sizeof *params;
  if (m->pParameter == NULL || (!has_iv_bits && m->ulParameterLen != sizeof shorter))
    return CKR_MECHANISM_PARAM_INVALID;
  if (asked("gcm-no-iv-bits") ? has_iv_bits : asked("gcm-iv-bits-only") && !has_iv_bits)
    return CKR_MECHANISM_PARAM_INVALID;
  if (has_iv_bits)
  {
    memcpy(params, m->pParameter, sizeof *params);
    return CKR_OK;
  }
  memcpy(&shorter, m->pParameter, sizeof shorter);
  *params = (CK_GCM_PARAMS){ shorter.pIv, shorter.ulIvLen, 8 * shorter.ulIvLen, shorter.pAAD, shorter.ulAADLen, shorter.ulTagBits };
  return CKR_OK;
}

/* The IV that gcm-own-iv makes instead of the given one. */
static CK_RV replace_iv(CK_SESSION_HANDLE s, CK_GCM_PARAMS_PTR params, struct operation *operation)
{
  char length[8];
  if (!fault("gcm-own-iv", length, sizeof length))
    return CKR_OK;
  operation->iv_length = strcmp(length, "16") == 0 ? 16 : 12;
  params->pIv = operation->iv;
  params->ulIvLen = operation->iv_length;
  params->ulIvBits = 8 * operation->iv_length;
  return real->C_GenerateRandom(s, operation->iv, operation->iv_length);
}

/* The IV that gcm-zero-iv makes in the place of zeros. */
static CK_RV fill_iv(CK_SESSION_HANDLE s, CK_GCM_PARAMS_PTR params, struct operation *operation)
{
  static const CK_BYTE zeros[12];
  char refusal[32];
  if (!fault("gcm-zero-iv", refusal, sizeof refusal))
    return CKR_OK;
  if (params->ulIvLen != sizeof zeros || memcmp(params->pIv, zeros, sizeof zeros) != 0)
    return strtoul(refusal, NULL, 0);
  if (asked("gcm-zero-iv-kept"))
    return CKR_OK;
  CK_RV rv = real->C_GenerateRandom(s, operation->iv, sizeof zeros);
  operation->late_iv = params->pIv;
  if (!asked("gcm-zero-iv-late"))
    memcpy(params->pIv, operation->iv, sizeof zeros);
  params->pIv = operation->iv;
  return rv;
}

static CK_RV start_gcm(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k, struct operation *operation, start_function start)
{
  CK_GCM_PARAMS params;
  CK_RV rv = read_gcm(m, &params);
  if (rv == CKR_OK && start == real->C_EncryptInit)
    rv = replace_iv(s, &params, operation);
  if (rv == CKR_OK && start == real->C_EncryptInit)
    rv = fill_iv(s, &params, operation);
  CK_MECHANISM mechanism = { CKM_AES_GCM, &params, sizeof params };
  return rv != CKR_OK ? rv : start(s, &mechanism, k);
}

static CK_RV start_oaep(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k, struct operation *operation, start_function start)
{
  CK_RSA_PKCS_OAEP_PARAMS_PTR params = m->pParameter;
  CK_ATTRIBUTE modulus = { CKA_MODULUS, NULL, 0 };
  CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
  if (params == NULL || m->ulParameterLen != sizeof *params || params->ulSourceDataLen != 0)
    return CKR_ARGUMENTS_BAD;
  if (!asked_for("oaep-hash", params->hashAlg) || oaep_hash_length(params->hashAlg) == 0 || params->mgf != oaep_mgf(params->hashAlg))
    return CKR_ARGUMENTS_BAD;
  CK_RV rv = start(s, &raw, k);
  if (rv != CKR_OK)
    return rv;
  operation->oaep_hash = params->hashAlg;
  rv = real->C_GetAttributeValue(s, k, &modulus, 1);
  operation->modulus_length = modulus.ulValueLen;
  return rv;
}

/* C_EncryptInit and C_DecryptInit. */
static CK_RV start_cipher(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k, struct operation *operation, start_function start)
{
  *operation = (struct operation){ .mechanism = m->mechanism };
  if (asked_for("without-mechanism", m->mechanism))
    return CKR_MECHANISM_INVALID;
  if (m->mechanism == CKM_AES_GCM && (asked("gcm-own-iv") || asked("gcm-zero-iv") || asked("gcm-no-iv-bits") || asked("gcm-iv-bits-only")))
    return start_gcm(s, m, k, operation, start);
  if (m->mechanism == CKM_RSA_PKCS_OAEP && asked("oaep-hash"))
    return start_oaep(s, m, k, operation, start);
  return start(s, m, k);
}

CK_RV habit_C_EncryptInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k)
{
  return start_cipher(s, m, k, &find_session(s)->encrypt, real->C_EncryptInit);
}

CK_RV habit_C_DecryptInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k)
{
  return start_cipher(s, m, k, &find_session(s)->decrypt, real->C_DecryptInit);
}

/* C_SignInit and C_VerifyInit. */
static CK_RV start_mac(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k, start_function start)
{
  CK_KEY_TYPE type = 0;
  CK_ATTRIBUTE attribute = { CKA_KEY_TYPE, &type, sizeof type };
  if (asked_for("without-mechanism", m->mechanism))
    return CKR_MECHANISM_INVALID;
  if (m->mechanism == CKM_SHA256_HMAC && asked("no-generic-hmac") &&
      real->C_GetAttributeValue(s, k, &attribute, 1) == CKR_OK && type == CKK_GENERIC_SECRET)
    return CKR_KEY_TYPE_INCONSISTENT;
  return start(s, m, k);
}

CK_RV habit_C_SignInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k)
{
  return start_mac(s, m, k, real->C_SignInit);
}

CK_RV habit_C_VerifyInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k)
{
  return start_mac(s, m, k, real->C_VerifyInit);
}

/* Whether input-limit refuses n bytes; *limit is how many it takes. */
static int is_too_long(CK_ULONG n, CK_ULONG_PTR limit)
{
  char value[32];
  if (!fault("input-limit", value, sizeof value))
    return 0;
  *limit = strtoul(value, NULL, 10);
  return n > *limit;
}

static int is_too_small(CK_BYTE_PTR out, CK_ULONG_PTR m, CK_ULONG wanted)
{
  if (out == NULL || *m >= wanted || !asked("buffer-too-small"))
    return 0;
  *m = wanted;
  return 1;
}

static CK_RV too_long(void)
{
  return asked("limit-says-buffer") ? CKR_BUFFER_TOO_SMALL : CKR_DATA_LEN_RANGE;
}

/* Refused input ends the operation; the real module's ends when it gets as much as it takes, whatever that gives. */
static CK_RV end_operation(CK_RV (*run)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR), CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n)
{
  CK_ULONG room = n + MAX_GROWTH;
  CK_BYTE_PTR out = malloc(room);
  if (out == NULL)
    return CKR_HOST_MEMORY;
  run(s, in, n, out, &room);
  free(out);
  return too_long();
}

static CK_RV encrypt_oaep(CK_SESSION_HANDLE s, const struct operation *operation, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m)
{
  CK_BYTE encoded[MAX_GROWTH];
  CK_ULONG k = operation->modulus_length;
  CK_RV rv = k > sizeof encoded ? CKR_KEY_SIZE_RANGE : oaep_encode(s, operation->oaep_hash, in, n, encoded, k);
  if (rv == CKR_OK)
    return real->C_Encrypt(s, encoded, k, out, m);
  end_operation(real->C_Encrypt, s, in, 0);
  return rv;
}

CK_RV habit_C_Encrypt(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m)
{
  struct operation *operation = &find_session(s)->encrypt;
  CK_ULONG limit, appended = operation->iv_length;
  if (is_too_long(n, &limit))
    return end_operation(real->C_Encrypt, s, in, limit);
  if (is_too_small(out, m, n + MORE_ROOM))
    return CKR_BUFFER_TOO_SMALL;
  if (operation->oaep_hash != 0 && out != NULL)
    return encrypt_oaep(s, operation, in, n, out, m);
  int is_rsa = operation->mechanism == CKM_RSA_PKCS_OAEP || operation->mechanism == CKM_RSA_PKCS;
  CK_ULONG room = out == NULL || *m < appended ? 0 : *m - appended;
  CK_RV rv = real->C_Encrypt(s, in, n, out, &room);
  if (rv == CKR_OK && is_rsa && asked("rsa-length-unset"))
    return CKR_OK;
  if (rv == CKR_OK && out != NULL)
    memcpy(out + room, operation->iv, appended);
  if (rv == CKR_OK && operation->late_iv != NULL)
    memcpy(operation->late_iv, operation->iv, 12);
  *m = room + appended;
  return rv;
}

static CK_RV decrypt_oaep(CK_SESSION_HANDLE s, const struct operation *operation, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m)
{
  CK_BYTE encoded[MAX_GROWTH];
  CK_ULONG k = sizeof encoded, start = 0, length = 0;
  CK_RV rv = real->C_Decrypt(s, in, n, encoded, &k);
  rv = rv != CKR_OK ? rv : oaep_decode(s, operation->oaep_hash, encoded, k, &start, &length);
  if (rv == CKR_OK && *m < length)
    rv = CKR_BUFFER_TOO_SMALL;
  if (rv == CKR_OK)
    memcpy(out, encoded + start, length);
  memset(encoded, 0, sizeof encoded);
  *m = length;
  return rv;
}

CK_RV habit_C_Decrypt(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m)
{
  struct operation *operation = &find_session(s)->decrypt;
  CK_ULONG limit;
  if (is_too_long(n, &limit))
    return end_operation(real->C_Decrypt, s, in, limit);
  if (is_too_small(out, m, n + MORE_ROOM))
    return CKR_BUFFER_TOO_SMALL;
  if (asked_for("no-decrypt", operation->mechanism))
  {
    end_operation(real->C_Decrypt, s, in, n);
    return CKR_GENERAL_ERROR;
  }
  char says[32];
  CK_RV rv = operation->oaep_hash != 0 && out != NULL ? decrypt_oaep(s, operation, in, n, out, m) : real->C_Decrypt(s, in, n, out, m);
  return rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL && fault("altered-says", says, sizeof says) ? strtoul(says, NULL, 0) : rv;
}

/* Whether the message to the device that `name` speaks of does not hold n bytes. */
static int does_not_fit(const char *name, CK_ULONG n)
{
  char most[32];
  return fault(name, most, sizeof most) && n > strtoul(most, NULL, 10);
}

CK_RV habit_C_Sign(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m)
{
  if (out != NULL && does_not_fit("sign-message", n))
  {
    end_operation(real->C_Sign, s, in, 0);
    return CKR_BUFFER_TOO_SMALL;
  }
  CK_ULONG limit;
  if (is_too_long(n, &limit))
    return end_operation(real->C_Sign, s, in, limit);
  if (is_too_small(out, m, MORE_ROOM))
    return CKR_BUFFER_TOO_SMALL;
  return real->C_Sign(s, in, n, out, m);
}

CK_RV habit_C_SignUpdate(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n)
{
  CK_BYTE out[MAX_GROWTH];
  CK_ULONG limit, room = sizeof out;
  if (!is_too_long(n, &limit))
    return real->C_SignUpdate(s, in, n);
  real->C_SignFinal(s, out, &room);
  return too_long();
}

CK_RV habit_C_Verify(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR sig, CK_ULONG m)
{
  if (does_not_fit("verify-message", n))
  {
    real->C_Verify(s, in, 0, sig, m);
    return CKR_ARGUMENTS_BAD;
  }
  CK_ULONG limit;
  if (!is_too_long(n, &limit))
    return real->C_Verify(s, in, n, sig, m);
  real->C_Verify(s, in, limit, sig, m);
  return too_long();
}

CK_RV habit_C_VerifyUpdate(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n)
{
  CK_BYTE none = 0;
  CK_ULONG limit;
  if (!is_too_long(n, &limit))
    return real->C_VerifyUpdate(s, in, n);
  real->C_VerifyFinal(s, &none, 1);
  return too_long();
}
