#ifndef COFFER_SHIM_H
#define COFFER_SHIM_H

#include <stddef.h>
#include "pkcs11/pkcs11.h"

/* The function list of the module behind. */
extern CK_FUNCTION_LIST_PTR real;

/* The text after `name` and a colon ("" when there is none), copied into `value`; false when it is not asked for. */
int fault(const char *name, char *value, size_t size);
int asked(const char *name);
/* Whether `name` is asked for with this number; one name may be there with several. */
int asked_for(const char *name, CK_ULONG number);

/* Does at this place, in this call of it, what is asked for. */
void misbehave(const char *place, unsigned long call);

/* Each does what its C_ function does, in the way of the module that is asked for. */
CK_RV habit_C_Initialize(CK_VOID_PTR arguments);
CK_RV habit_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR n);
CK_RV habit_C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info);
CK_RV habit_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR s);
CK_RV habit_C_CloseSession(CK_SESSION_HANDLE s);
CK_RV habit_C_CloseAllSessions(CK_SLOT_ID slot);
CK_RV habit_C_GetAttributeValue(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n);
CK_RV habit_C_FindObjectsInit(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n);
CK_RV habit_C_CreateObject(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o);
CK_RV habit_C_GenerateKey(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR k);
CK_RV habit_C_GenerateKeyPair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_PTR u, CK_ULONG o, CK_OBJECT_HANDLE_PTR k, CK_OBJECT_HANDLE_PTR l);
CK_RV habit_C_WrapKey(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE w, CK_OBJECT_HANDLE k, CK_BYTE_PTR out, CK_ULONG_PTR n);
CK_RV habit_C_UnwrapKey(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE u, CK_BYTE_PTR in, CK_ULONG n, CK_ATTRIBUTE_PTR t, CK_ULONG o, CK_OBJECT_HANDLE_PTR k);
CK_RV habit_C_EncryptInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k);
CK_RV habit_C_Encrypt(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m);
CK_RV habit_C_DecryptInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k);
CK_RV habit_C_Decrypt(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m);
CK_RV habit_C_SignInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k);
CK_RV habit_C_Sign(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR m);
CK_RV habit_C_SignUpdate(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n);
CK_RV habit_C_VerifyInit(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE k);
CK_RV habit_C_Verify(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR sig, CK_ULONG m);
CK_RV habit_C_VerifyUpdate(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n);

CK_ATTRIBUTE_PTR find_attribute(CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_TYPE type);

/* What strict-templates says of a template; templates.c. */
CK_RV check_secret_template(CK_MECHANISM_TYPE mechanism, CK_ATTRIBUTE_PTR t, CK_ULONG n);
CK_RV check_pair_templates(CK_MECHANISM_TYPE mechanism, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE_PTR u, CK_ULONG o);
/* The id of short-ids for a new object; CKR_FUNCTION_NOT_SUPPORTED where that of the template stays. */
CK_RV choose_id(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_BYTE id[2]);
/* A copy of the template with this attribute in the place of one that it may have; to be freed. */
CK_ATTRIBUTE_PTR with_attribute(CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_ATTRIBUTE added, CK_ULONG_PTR count);

/* What Init says of the operation that it starts, until that ends. */
struct operation
{
  CK_MECHANISM_TYPE mechanism;
  /* The IV that the module made and appends, as gcm-own-iv says; length 0 for none. */
  CK_BYTE iv[16];
  CK_ULONG iv_length;
  /* Where the IV goes, as gcm-zero-iv-late says; else NULL. */
  CK_BYTE_PTR late_iv;
  /* The hash of an OAEP that is done here, over the real module's raw RSA with a modulus of so many bytes; else 0. */
  CK_MECHANISM_TYPE oaep_hash;
  CK_ULONG modulus_length;
};

struct session
{
  CK_SESSION_HANDLE handle;
  struct operation encrypt, decrypt;
  /* Whether an operation that failed is still active, as keeps-failed says. */
  int is_stuck;
};

/* The session with this handle, while it is open. */
struct session *find_session(CK_SESSION_HANDLE handle);

/* Length of a hash in bytes; 0 when it is none for OAEP. */
CK_ULONG oaep_hash_length(CK_MECHANISM_TYPE hash);
/* The mask generation function by the same hash: CKG_MGF1_. */
CK_RSA_PKCS_MGF_TYPE oaep_mgf(CK_MECHANISM_TYPE hash);
/* EME-OAEP encoding without a label (RFC 8017 section 7.1.1) of n bytes into k bytes. */
CK_RV oaep_encode(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR em, CK_ULONG k);
/* Its inverse, in place: `start` and `n` say where in `em` the message stands. */
CK_RV oaep_decode(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE hash, CK_BYTE_PTR em, CK_ULONG k, CK_ULONG_PTR start, CK_ULONG_PTR n);

#endif
