/*
 * The launcher of the program: the file that users start as `coffer`.
 *
 * The program beside it, coffer.bin, is JavaScript compiled with Bun. Bun obeys variables of the environment for which a build
 * has no switch: BUN_OPTIONS, BUN_BE_BUN, BUN_INSPECT, BUN_JSC_* and others run other code or write files, and its parts (WebKit,
 * mimalloc, ICU, simdutf) have some of their own. test/scenarios/isolation.test.ts knows whether a new release asks for more. Whoever can set a
 * variable must not change by it what coffer does. So the launcher renames every variable that the runtime could obey: the
 * program finds it with TAKEN before its name, and gives it back to the commands that it starts.
 *
 * The runtime puts /dev/null in the place of a standard descriptor that is closed, so that recovery shares printed there would be
 * lost without a word. So one is put there first whose use is the error that a closed one's is, EBADF.
 *
 * The runtime also raises the limit of open files, ignores two signals and changes flags of descriptors, and does not tell what was
 * before. So that `coffer run` can give that back it is noted here, in a variable that nobody else can give: theirs of that name is renamed.
 *
 * It is linked statically: there is no loader to obey LD_PRELOAD here, and it costs about a millisecond.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char TAKEN[] = "COFFER_TAKEN:";
static const char PROGRAM[] = "coffer.bin";
enum { FAILED = 1 };

static int begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* Whether Bun, or a part of it, could obey the variable. One that is named as if it had been taken is taken, too. */
static int is_taken(const char *variable) {
  static const char *const NAMES[] = {"BUN_", "NODE_", "JSC_", "ICU_", "MIMALLOC_", "SIMDUTF_", "WTF_", "JavaScriptCore", "Malloc", "WebKit", TAKEN};
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
    if (begins(variable, NAMES[i])) return 1;
  return 0;
}

static int fail(const char *what, const char *name, const char *hint) {
  fprintf(stderr, "error: %s %s: %s\nhint: %s\n", what, name, strerror(errno), hint);
  return FAILED;
}

/* Which of the standard descriptors were closed, as bits. In ascending order, since a file gets the lowest number that is free. */
static unsigned keep_closed(void) {
  unsigned bits = 0;
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
    if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) == descriptor) bits |= 1U << descriptor;
  return bits;
}

/* A descriptor of the directory that was left; -1 for none. */
static int removed_directory = -1;

/*
 * Bun does not start where the current directory was removed. In a folder of /proc that holds nothing, a relative path leads nowhere
 * as it did there.
 */
static int leave_removed_directory(void) {
  char here[PATH_MAX];
  if (getcwd(here, sizeof here) != NULL || errno != ENOENT) return 0;
  removed_directory = open(".", O_PATH | O_DIRECTORY);
  return chdir("/proc/self/fdinfo");
}

/* The signals of 1 to 64 as bits: those that are ignored, and those of a set. */
static unsigned long long ignored_signals(void) {
  unsigned long long bits = 0;
  for (int number = 1; number <= 64; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) bits |= 1ULL << (number - 1);
  }
  return bits;
}

static unsigned long long bits_of(const sigset_t *set) {
  unsigned long long bits = 0;
  for (int number = 1; number <= 64; number++)
    if (sigismember(set, number) == 1) bits |= 1ULL << (number - 1);
  return bits;
}

static unsigned nonblocking_descriptors(void) {
  unsigned bits = 0;
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK)) bits |= 1U << descriptor;
  }
  return bits;
}

/* Adds COFFER_TAKEN:STATE=files.ignored.blocked.nonblocking.closed.directory to the environment, all but the last in hex; guard.c reads it. */
static int note_state(unsigned closed) {
  struct rlimit files;
  sigset_t blocked;
  size_t count = 0;
  while (environ[count] != NULL) count++;
  char **noted = malloc((count + 2) * sizeof *noted);
  if (noted == NULL || getrlimit(RLIMIT_NOFILE, &files) != 0 || sigprocmask(SIG_SETMASK, NULL, &blocked) != 0) return -1;
  memcpy(noted, environ, count * sizeof *noted);
  int length = asprintf(&noted[count], "%sSTATE=%llx.%llx.%llx.%x.%x.%d", TAKEN, (unsigned long long)files.rlim_cur, ignored_signals(),
                        bits_of(&blocked), nonblocking_descriptors(), closed, removed_directory);
  noted[count + 1] = NULL;
  environ = noted;
  return length < 0 ? -1 : 0;
}

int main(int argc, char **argv) {
  (void)argc;
  unsigned closed = keep_closed();
  for (char **each = environ; *each != NULL; each++) {
    if (is_taken(*each) && asprintf(each, "%s%s", TAKEN, *each) < 0)
      return fail("cannot rename", "a variable", "free memory");
  }
  if (leave_removed_directory() != 0) return fail("cannot leave", "the removed current directory", "change to another directory");
  if (note_state(closed) != 0) return fail("cannot note", "the limits of this process", "free memory");
  char path[PATH_MAX + sizeof PROGRAM];
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
  if (length < 0) return fail("cannot read", "/proc/self/exe", "coffer needs /proc mounted");
  path[length] = '\0';
  strcpy(strrchr(path, '/') + 1, PROGRAM);
  execv(path, argv);
  const char *hint = errno == E2BIG ? "give it less: fewer or shorter variables and arguments" : "install coffer again: its files belong together in one folder";
  return fail("cannot start", path, hint);
}
