/*
 * Loaded with LD_PRELOAD. COFFER_TEST_DIE=FOLDER: the process is killed where it has a file written out to the disk (fsync) that lies in this folder,
 * with or without a name. Then all that it writes is written, and none of what it does afterwards is done. COFFER_TEST_NAMED=1: the file
 * system has no files without names (O_TMPFILE).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int fsync(int file)
{
  char link[32], path[PATH_MAX];
  const char *folder = getenv("COFFER_TEST_DIE");
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = '\0';
  size_t room = folder == NULL ? 0 : strlen(folder);
  if (room > 0 && strncmp(path, folder, room) == 0 && path[room] == '/')
    kill(getpid(), SIGKILL);
  return (int)syscall(SYS_fsync, file);
}

static int opened(int folder, const char *path, int flags, mode_t mode)
{
  if ((flags & O_TMPFILE) == O_TMPFILE && getenv("COFFER_TEST_NAMED") != NULL)
  {
    errno = EOPNOTSUPP;
    return -1;
  }
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static mode_t mode_of(int flags, va_list more)
{
  return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
}

#define OPEN(name, parameters, folder) \
  EXPORTED int name parameters \
  { \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = mode_of(flags, more); \
    va_end(more); \
    return opened(folder, path, flags, mode); \
  }

OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int folder, const char *path, int flags, ...), folder)
OPEN(openat64, (int folder, const char *path, int flags, ...), folder)
