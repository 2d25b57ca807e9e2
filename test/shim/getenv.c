/* Loaded with LD_PRELOAD: says on stderr which variables of the environment are asked for, as "getenv NAME" each. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static char *find(const char *name) {
  size_t length = strlen(name);
  for (char **each = environ; each != NULL && *each != NULL; each++)
    if (strncmp(*each, name, length) == 0 && (*each)[length] == '=') return *each + length + 1;
  return NULL;
}

static char *tell(const char *name) {
  struct iovec parts[] = { { "getenv ", 7 }, { (char *)name, strlen(name) }, { "\n", 1 } };
  ssize_t written = writev(STDERR_FILENO, parts, 3);
  (void)written;
  return find(name);
}

EXPORTED char *getenv(const char *name) { return tell(name); }
EXPORTED char *secure_getenv(const char *name) { return tell(name); }
