/* A module that was linked without one of its libraries: a function that it calls is nowhere. */
#include "pkcs11/pkcs11.h"

CK_RV of_no_library(CK_FUNCTION_LIST_PTR_PTR list);

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
  return of_no_library(list);
}
