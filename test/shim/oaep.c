/* EME-OAEP (RFC 8017 section 7.1) with any hash, for a real module that has only SHA-1; the hash is the module's own. */
#include <string.h>
#include "shim.h"

#define MAX_HASH 64

static const struct { CK_MECHANISM_TYPE hash; CK_ULONG length; CK_RSA_PKCS_MGF_TYPE mgf; } HASHES[] = {
  { CKM_SHA_1, 20, CKG_MGF1_SHA1 },
  { CKM_SHA224, 28, CKG_MGF1_SHA224 },
  { CKM_SHA256, 32, CKG_MGF1_SHA256 },
  { CKM_SHA384, 48, CKG_MGF1_SHA384 },
  { CKM_SHA512, 64, CKG_MGF1_SHA512 },
};

CK_ULONG oaep_hash_length(CK_MECHANISM_TYPE hash)
{
  for (size_t i = 0; i < sizeof HASHES / sizeof *HASHES; i++)
    if (HASHES[i].hash == hash)
      return HASHES[i].length;
  return 0;
}

CK_RSA_PKCS_MGF_TYPE oaep_mgf(CK_MECHANISM_TYPE hash)
{
  for (size_t i = 0; i < sizeof HASHES / sizeof *HASHES; i++)
    if (HASHES[i].hash == hash)
      return HASHES[i].mgf;
  return 0;
}

/* A session to hash in, since the other one has an operation under way. */
static CK_RV open_beside(CK_SESSION_HANDLE s, CK_SESSION_HANDLE_PTR beside)
{
  CK_SESSION_INFO info;
  CK_RV rv = real->C_GetSessionInfo(s, &info);
  return rv != CKR_OK ? rv : real->C_OpenSession(info.slotID, info.flags, NULL, NULL, beside);
}

static CK_RV digest(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out)
{
  CK_MECHANISM mechanism = { hash, NULL, 0 };
  CK_ULONG length = oaep_hash_length(hash);
  CK_RV rv = real->C_DigestInit(s, &mechanism);
  return rv != CKR_OK ? rv : real->C_Digest(s, in, n, out, &length);
}

/* MGF1 (appendix B.2.1): out ^= mask(seed). */
static CK_RV mask(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR seed, CK_ULONG seed_length, CK_BYTE_PTR out, CK_ULONG n)
{
  CK_BYTE input[2048], block[MAX_HASH];
  CK_ULONG length = oaep_hash_length(hash);
  if (seed_length + 4 > sizeof input)
    return CKR_GENERAL_ERROR;
  memcpy(input, seed, seed_length);
  for (CK_ULONG done = 0, counter = 0; done < n; done += length, counter++)
  {
    for (int i = 0; i < 4; i++)
      input[seed_length + i] = (CK_BYTE)(counter >> (24 - 8 * i));
    CK_RV rv = digest(s, hash, input, seed_length + 4, block);
    if (rv != CKR_OK)
      return rv;
    for (CK_ULONG i = 0; i < length && done + i < n; i++)
      out[done + i] ^= block[i];
  }
  return CKR_OK;
}

static CK_RV encode(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR em, CK_ULONG k)
{
  CK_ULONG length = oaep_hash_length(hash);
  if (n + 2 * length + 2 > k)
    return CKR_DATA_LEN_RANGE;
  CK_BYTE_PTR seed = em + 1, db = seed + length;
  CK_ULONG db_length = k - 1 - length;
  CK_BYTE none = 0;
  memset(em, 0, k);
  CK_RV rv = digest(s, hash, &none, 0, db);
  db[db_length - n - 1] = 1;
  memcpy(db + db_length - n, in, n);
  rv = rv != CKR_OK ? rv : real->C_GenerateRandom(s, seed, length);
  rv = rv != CKR_OK ? rv : mask(s, hash, seed, length, db, db_length);
  return rv != CKR_OK ? rv : mask(s, hash, db, db_length, seed, length);
}

static CK_RV decode(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR em, CK_ULONG k, CK_ULONG_PTR start, CK_ULONG_PTR n)
{
  CK_ULONG length = oaep_hash_length(hash);
  if (k < 2 * length + 2)
    return CKR_ENCRYPTED_DATA_LEN_RANGE;
  CK_BYTE_PTR seed = em + 1, db = seed + length;
  CK_ULONG db_length = k - 1 - length;
  CK_BYTE expected[MAX_HASH], none = 0;
  CK_RV rv = digest(s, hash, &none, 0, expected);
  rv = rv != CKR_OK ? rv : mask(s, hash, db, db_length, seed, length);
  rv = rv != CKR_OK ? rv : mask(s, hash, seed, length, db, db_length);
  if (rv != CKR_OK)
    return rv;
  CK_ULONG at = length;
  while (at < db_length && db[at] == 0)
    at++;
  if (em[0] != 0 || memcmp(db, expected, length) != 0 || at == db_length || db[at] != 1)
    return CKR_ENCRYPTED_DATA_INVALID;
  *start = (CK_ULONG)(db - em) + at + 1;
  *n = k - *start;
  return CKR_OK;
}

CK_RV oaep_encode(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR em, CK_ULONG k)
{
  CK_SESSION_HANDLE beside;
  CK_RV rv = open_beside(s, &beside);
  if (rv != CKR_OK)
    return rv;
  rv = encode(beside, hash, in, n, em, k);
  real->C_CloseSession(beside);
  return rv;
}

CK_RV oaep_decode(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR em, CK_ULONG k, CK_ULONG_PTR start, CK_ULONG_PTR n)
{
  CK_SESSION_HANDLE beside;
  CK_RV rv = open_beside(s, &beside);
  if (rv != CKR_OK)
    return rv;
  rv = decode(beside, hash, em, k, start, n);
  real->C_CloseSession(beside);
  return rv;
}
