/*
 * Measures commands from outside: the time from fork to the end, by CLOCK_MONOTONIC, and what the kernel counted: the processors'
 * time and the peak memory. A process as small as this forks in no time, and adds nothing to what ru_maxrss says of its child.
 *
 *   runner ROUNDS PLAN
 *
 * A line of PLAN is a command: fields that a tab separates. The first is a line for /bin/sh that is run before it each time and
 * is not measured, or nothing. Fields with "=" before the program are variables of its environment. Every command is run once a
 * round, in every other round from the last to the first, so that a machine whose speed drifts favours none. The first
 * round, which finds cold caches, is not told. For each other run a line: number of the command, nanoseconds, nanoseconds of
 * processors, kilobytes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_COMMANDS = 64, MOST_FIELDS = 64 };

struct command { const char *before; char *fields[MOST_FIELDS]; };

static struct command commands[MOST_COMMANDS];

static int fail(const char *what, const char *which) {
  fprintf(stderr, "runner: %s: %s\n", what, which);
  return 1;
}

static int read_plan(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  char *line = NULL;
  size_t size = 0;
  int count = 0;
  while (getline(&line, &size, file) > 0 && count < MOST_COMMANDS) {
    struct command *command = &commands[count++];
    char *rest = strdup(line);
    rest[strcspn(rest, "\n")] = '\0';
    command->before = strsep(&rest, "\t");
    for (int i = 0; rest != NULL && i < MOST_FIELDS - 1; i++) command->fields[i] = strsep(&rest, "\t");
  }
  fclose(file);
  return count;
}

static void become(char **fields) {
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  for (; *fields != NULL && strchr(*fields, '=') != NULL; fields++) putenv(*fields);
  if (*fields != NULL) execvp(*fields, fields);
  _exit(127);
}

static long long nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long of(struct timeval time) { return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL; }

static int measure(int number, int is_told) {
  struct command *command = &commands[number];
  if (*command->before != '\0' && system(command->before) != 0) return fail("failed", command->before);
  struct rusage usage;
  int status;
  long long start = nanoseconds();
  pid_t child = fork();
  if (child == 0) become(command->fields);
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return fail("cannot start", command->fields[0]);
  long long took = nanoseconds() - start;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    for (char **field = command->fields; *field != NULL; field++) fprintf(stderr, "%s ", *field);
    return fail("failed", "the command before");
  }
  if (is_told) printf("%d %lld %lld %ld\n", number, took, of(usage.ru_utime) + of(usage.ru_stime), usage.ru_maxrss);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return fail("usage", "runner ROUNDS PLAN");
  int count = read_plan(argv[2]);
  if (count < 0) return fail("cannot read", argv[2]);
  for (int round = 0; round <= atoi(argv[1]); round++)
    for (int i = 0; i < count; i++)
      if (measure(round % 2 == 0 ? i : count - 1 - i, round > 0) != 0) return 1;
  return 0;
}
