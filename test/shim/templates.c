/* Templates as the module of the YubiHSM 2 takes them (its util_pkcs11.c): strict-templates and what belongs to it. */
#include <stdlib.h>
#include <string.h>
#include "shim.h"

enum may { ANY, ONLY_TRUE, ONLY_FALSE };
#define MOST_RULES 32
#define LAST_RULE { CK_UNAVAILABLE_INFORMATION, ANY }

/* Of an attribute that is in no rule: CKR_ATTRIBUTE_TYPE_INVALID. */
typedef const struct rule
{
  CK_ATTRIBUTE_TYPE type;
  enum may may;
} rules[MOST_RULES];

static rules AES = {
  { CKA_CLASS, ANY }, { CKA_KEY_TYPE, ANY }, { CKA_ID, ANY }, { CKA_LABEL, ANY }, { CKA_SUBJECT, ANY }, { CKA_EXTRACTABLE, ANY },
  { CKA_VALUE_LEN, ANY }, { CKA_ENCRYPT, ANY }, { CKA_DECRYPT, ANY },
  { CKA_TOKEN, ONLY_TRUE }, { CKA_PRIVATE, ONLY_TRUE }, { CKA_SENSITIVE, ONLY_TRUE },
  { CKA_WRAP, ONLY_FALSE }, { CKA_UNWRAP, ONLY_FALSE }, { CKA_DERIVE, ONLY_FALSE }, { CKA_SIGN, ONLY_FALSE },
  { CKA_VERIFY, ONLY_FALSE }, { CKA_COPYABLE, ONLY_FALSE }, { CKA_MODIFIABLE, ONLY_FALSE }, LAST_RULE,
};
static rules HMAC = {
  { CKA_CLASS, ANY }, { CKA_KEY_TYPE, ANY }, { CKA_ID, ANY }, { CKA_LABEL, ANY }, { CKA_SUBJECT, ANY }, { CKA_EXTRACTABLE, ANY },
  { CKA_SIGN, ANY }, { CKA_VERIFY, ANY },
  { CKA_TOKEN, ONLY_TRUE }, { CKA_PRIVATE, ONLY_TRUE }, { CKA_SENSITIVE, ONLY_TRUE }, { CKA_DESTROYABLE, ONLY_TRUE },
  { CKA_WRAP, ONLY_FALSE }, { CKA_UNWRAP, ONLY_FALSE }, { CKA_DERIVE, ONLY_FALSE }, { CKA_ENCRYPT, ONLY_FALSE },
  { CKA_DECRYPT, ONLY_FALSE }, { CKA_COPYABLE, ONLY_FALSE }, { CKA_MODIFIABLE, ONLY_FALSE }, { CKA_SIGN_RECOVER, ONLY_FALSE },
  { CKA_VERIFY_RECOVER, ONLY_FALSE }, { CKA_ALWAYS_AUTHENTICATE, ONLY_FALSE }, LAST_RULE,
};
static rules RSA_PUBLIC = {
  { CKA_CLASS, ANY }, { CKA_KEY_TYPE, ANY }, { CKA_ID, ANY }, { CKA_LABEL, ANY }, { CKA_TOKEN, ANY }, { CKA_WRAP, ANY },
  { CKA_UNWRAP, ANY }, { CKA_VERIFY, ANY }, { CKA_ENCRYPT, ANY }, { CKA_PUBLIC_EXPONENT, ANY }, { CKA_MODULUS_BITS, ANY },
  { CKA_EXTRACTABLE, ONLY_TRUE }, { CKA_DESTROYABLE, ONLY_TRUE },
  { CKA_PRIVATE, ONLY_FALSE }, { CKA_SENSITIVE, ONLY_FALSE }, { CKA_MODIFIABLE, ONLY_FALSE }, { CKA_COPYABLE, ONLY_FALSE },
  { CKA_DECRYPT, ONLY_FALSE }, { CKA_SIGN, ONLY_FALSE }, { CKA_DERIVE, ONLY_FALSE }, { CKA_SIGN_RECOVER, ONLY_FALSE },
  { CKA_VERIFY_RECOVER, ONLY_FALSE }, { CKA_ALWAYS_AUTHENTICATE, ONLY_FALSE }, LAST_RULE,
};
static rules RSA_PRIVATE = {
  { CKA_CLASS, ANY }, { CKA_KEY_TYPE, ANY }, { CKA_ID, ANY }, { CKA_LABEL, ANY }, { CKA_SUBJECT, ANY }, { CKA_EXTRACTABLE, ANY },
  { CKA_DECRYPT, ANY }, { CKA_SIGN, ANY }, { CKA_UNWRAP, ANY }, { CKA_DERIVE, ANY },
  { CKA_TOKEN, ONLY_TRUE }, { CKA_PRIVATE, ONLY_TRUE }, { CKA_SENSITIVE, ONLY_TRUE }, { CKA_DESTROYABLE, ONLY_TRUE },
  { CKA_WRAP, ONLY_FALSE }, { CKA_ENCRYPT, ONLY_FALSE }, { CKA_VERIFY, ONLY_FALSE }, { CKA_SIGN_RECOVER, ONLY_FALSE },
  { CKA_VERIFY_RECOVER, ONLY_FALSE }, { CKA_COPYABLE, ONLY_FALSE }, { CKA_MODIFIABLE, ONLY_FALSE }, LAST_RULE,
};
static rules EC_PUBLIC = {
  { CKA_CLASS, ANY }, { CKA_KEY_TYPE, ANY }, { CKA_ID, ANY }, { CKA_LABEL, ANY }, { CKA_TOKEN, ANY }, { CKA_EC_PARAMS, ANY },
  { CKA_VERIFY, ANY }, { CKA_DERIVE, ANY }, { CKA_EXTRACTABLE, ONLY_TRUE }, { CKA_DESTROYABLE, ONLY_TRUE },
  { CKA_PRIVATE, ONLY_FALSE }, { CKA_SENSITIVE, ONLY_FALSE }, { CKA_MODIFIABLE, ONLY_FALSE }, { CKA_COPYABLE, ONLY_FALSE },
  { CKA_ENCRYPT, ONLY_FALSE }, { CKA_DECRYPT, ONLY_FALSE }, { CKA_WRAP, ONLY_FALSE }, { CKA_UNWRAP, ONLY_FALSE },
  { CKA_SIGN, ONLY_FALSE }, { CKA_SIGN_RECOVER, ONLY_FALSE }, { CKA_VERIFY_RECOVER, ONLY_FALSE },
  { CKA_ALWAYS_AUTHENTICATE, ONLY_FALSE }, LAST_RULE,
};
static rules EC_PRIVATE = {
  { CKA_CLASS, ANY }, { CKA_KEY_TYPE, ANY }, { CKA_ID, ANY }, { CKA_LABEL, ANY }, { CKA_SUBJECT, ANY }, { CKA_EXTRACTABLE, ANY },
  { CKA_SIGN, ANY }, { CKA_DERIVE, ANY },
  { CKA_TOKEN, ONLY_TRUE }, { CKA_PRIVATE, ONLY_TRUE }, { CKA_SENSITIVE, ONLY_TRUE }, { CKA_DESTROYABLE, ONLY_TRUE },
  { CKA_WRAP, ONLY_FALSE }, { CKA_UNWRAP, ONLY_FALSE }, { CKA_ENCRYPT, ONLY_FALSE }, { CKA_DECRYPT, ONLY_FALSE },
  { CKA_VERIFY, ONLY_FALSE }, { CKA_SIGN_RECOVER, ONLY_FALSE }, { CKA_VERIFY_RECOVER, ONLY_FALSE }, { CKA_COPYABLE, ONLY_FALSE },
  { CKA_MODIFIABLE, ONLY_FALSE }, LAST_RULE,
};

#define LONGEST_NAME 256

static CK_RV check_attribute(const CK_ATTRIBUTE *attribute, rules allowed)
{
  const struct rule *rule = allowed;
  while (rule->type != attribute->type && rule->type != CK_UNAVAILABLE_INFORMATION)
    rule++;
  if (rule->type == CK_UNAVAILABLE_INFORMATION)
    return CKR_ATTRIBUTE_TYPE_INVALID;
  if (rule->may != ANY && (*(CK_BBOOL *)attribute->pValue == CK_TRUE) != (rule->may == ONLY_TRUE))
    return CKR_ATTRIBUTE_VALUE_INVALID;
  int is_name = attribute->type == CKA_ID || attribute->type == CKA_LABEL;
  return is_name && attribute->ulValueLen > LONGEST_NAME ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
}

static CK_RV check(CK_ATTRIBUTE_PTR t, CK_ULONG n, rules allowed)
{
  CK_RV rv = CKR_OK;
  for (CK_ULONG i = 0; i < n && rv == CKR_OK; i++)
    rv = check_attribute(&t[i], allowed);
  return rv;
}

static CK_ULONG number_in(CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise)
{
  CK_ATTRIBUTE_PTR found = find_attribute(t, n, type);
  return found == NULL ? otherwise : *(CK_ULONG *)found->pValue;
}

CK_RV check_secret_template(CK_MECHANISM_TYPE mechanism, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
  int is_aes = mechanism == CKM_AES_KEY_GEN;
  if (!is_aes && (find_attribute(t, n, CKA_KEY_TYPE) == NULL || find_attribute(t, n, CKA_CLASS) == NULL))
    return CKR_TEMPLATE_INCOMPLETE;
  CK_KEY_TYPE type = number_in(t, n, CKA_KEY_TYPE, CKK_AES);
  if (type == CKK_SHA256_HMAC)
    return check(t, n, HMAC);
  if (type != CKK_AES)
    return CKR_ATTRIBUTE_VALUE_INVALID;
  CK_RV rv = check(t, n, AES);
  CK_ULONG length = number_in(t, n, CKA_VALUE_LEN, 0);
  return rv != CKR_OK || length == 16 || length == 24 || length == 32 ? rv : CKR_ATTRIBUTE_VALUE_INVALID;
}

CK_RV check_pair_templates(CK_MECHANISM_TYPE mechanism, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_PTR u, CK_ULONG o)
{
  int is_rsa = mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN;
  CK_RV rv = check(t, n, is_rsa ? RSA_PUBLIC : EC_PUBLIC);
  rv = rv != CKR_OK ? rv : check(u, o, is_rsa ? RSA_PRIVATE : EC_PRIVATE);
  if (rv != CKR_OK || !is_rsa)
    return rv;
  CK_ULONG bits = number_in(t, n, CKA_MODULUS_BITS, 0);
  return bits == 2048 || bits == 3072 || bits == 4096 ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* Whether an object of this class has this id. */
static int is_taken(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, const CK_BYTE id[2])
{
  CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_ID, (CK_VOID_PTR)id, 2 } };
  CK_OBJECT_HANDLE found;
  CK_ULONG count = 0;
  if (real->C_FindObjectsInit(s, wanted, 2) != CKR_OK)
    return 0;
  real->C_FindObjects(s, &found, 1, &count);
  real->C_FindObjectsFinal(s);
  return count > 0;
}

CK_RV choose_id(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_BYTE id[2])
{
  CK_ATTRIBUTE_PTR given = find_attribute(t, n, CKA_ID);
  if (given != NULL && given->ulValueLen != 2)
    return CKR_FUNCTION_NOT_SUPPORTED; /* it is kept beside the object as it is */
  memset(id, 0, 2);
  if (given != NULL)
    memcpy(id, given->pValue, 2);
  if ((id[0] | id[1]) != 0)
    return is_taken(s, class, id) ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
  CK_RV rv = CKR_OK;
  while (rv == CKR_OK && ((id[0] | id[1]) == 0 || is_taken(s, class, id)))
    rv = real->C_GenerateRandom(s, id, 2);
  return rv;
}

CK_ATTRIBUTE_PTR with_attribute(CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE added, CK_ULONG_PTR count)
{
  CK_ATTRIBUTE_PTR copy = calloc(n + 1, sizeof *copy);
  if (copy == NULL)
    abort();
  *count = 0;
  for (CK_ULONG i = 0; i < n; i++)
    if (t[i].type != added.type)
      copy[(*count)++] = t[i];
  copy[(*count)++] = added;
  return copy;
}
