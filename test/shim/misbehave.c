/* What a module must not do, by name, at any place; shim.c says how it is asked for. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shim.h"

#define MS 1000
/* Long enough for a thread to end the process, short enough for a test in which it does not. */
#define WHILE_A_THREAD_ACTS (2000 * MS)
/* After the call that started it. */
#define LATER (60 * MS)

static void crash(void)
{
  *(volatile int *)8 = 1;
}

static void call_null(void)
{
  void (*volatile null)(void) = NULL;
  null();
}

static void bus_error(void)
{
  char name[] = "/tmp/coffer-shim-XXXXXX";
  int file = mkstemp(name);
  unlink(name);
  if (file < 0 || ftruncate(file, 4096) != 0)
    return;
  volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (ftruncate(file, 0) == 0)
    page[10] = 1;
}

static void illegal_instruction(void)
{
#if defined __x86_64__
  __asm__ volatile("ud2");
#else
  __builtin_trap();
#endif
}

static void divide_by_zero(void)
{
#if defined __x86_64__
  volatile int zero = 0, one = 1;
  one = one / zero;
#else
  raise(SIGFPE); /* this processor's division gives 0 */
#endif
}

static void breakpoint(void)
{
  raise(SIGTRAP);
}

static void exit_0(void)
{
  exit(0);
}

static void exit_1(void)
{
  exit(1);
}

static void system_exit(void)
{
  _exit(0);
}

static void fast_exit(void)
{
  quick_exit(0);
}

static void end_thread(void)
{
  pthread_exit(NULL);
}

static void hang(void)
{
  for (;;)
    pause();
}

static void spin(void)
{
  for (volatile unsigned long i = 0;; i++)
    ;
}

static void hang_blocked(void)
{
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  hang();
}

static volatile int bottom = -1;

static __attribute__((noinline)) int deeper(int depth)
{
  volatile char room[4096];
  memset((void *)room, depth, sizeof room);
  return depth == bottom ? 0 : deeper(depth + 1) + room[depth & 4095];
}

static void overflow_stack(void)
{
  deeper(0);
}

static void print(void)
{
  static const char written[] = "noise by write\n";
  printf("noise by stdio\n");
  if (write(STDOUT_FILENO, written, sizeof written - 1) < 0)
    abort();
}

static void forked(void (*child_does)(void))
{
  int status;
  pid_t child = fork();
  if (child == 0)
  {
    child_does();
    _exit(0);
  }
  waitpid(child, &status, 0);
}

static void on_alarm(int number)
{
  (void)number;
  exit(0);
}

/* Goes on; a signal handler ends the process a little later, in whatever thread it comes to. */
static void exit_by_timer(void)
{
  struct itimerval soon = { .it_value = { .tv_usec = 1000 + 1000 * (getpid() % 8) } };
  signal(SIGALRM, on_alarm);
  setitimer(ITIMER_REAL, &soon, NULL);
}

static void fork_and_exit(void)
{
  forked(exit_0);
}

static void fork_and_crash(void)
{
  forked(crash);
}

/* Registers the handler, and ends the process, which runs it. */
static void exit_by_handler(void)
{
  atexit(system_exit);
  exit(1);
}

static void exit_by_hanging_handler(void)
{
  atexit(hang);
  exit(1);
}

/* Goes on; the handler has its turn when the process ends. */
static void leave_handler(void)
{
  atexit(system_exit);
}

static void leave_hanging_handler(void)
{
  atexit(hang);
}

static void leave_crashing_handler(void)
{
  atexit(crash);
}

struct delayed
{
  void (*act)(void);
  useconds_t after;
};

static void *act(void *argument)
{
  struct delayed delayed = *(struct delayed *)argument;
  free(argument);
  usleep(delayed.after);
  delayed.act();
  return NULL;
}

static void in_thread(void (*function)(void), useconds_t after)
{
  pthread_t thread;
  struct delayed *delayed = malloc(sizeof *delayed);
  *delayed = (struct delayed){ function, after };
  if (pthread_create(&thread, NULL, act, delayed) == 0)
    pthread_detach(thread);
}

static const struct misdeed
{
  const char *name;
  void (*act)(void);
} misdeeds[] = {
  { "segv", crash },
  { "null-call", call_null },
  { "abort", abort },
  { "bus", bus_error },
  { "ill", illegal_instruction },
  { "fpe", divide_by_zero },
  { "trap", breakpoint },
  { "exit-0", exit_0 },
  { "exit-1", exit_1 },
  { "_exit", system_exit },
  { "quick_exit", fast_exit },
  { "pthread_exit", end_thread },
  { "hang", hang },
  { "spin", spin },
  { "hang-blocked", hang_blocked },
  { "overflow", overflow_stack },
  { "print", print },
  { "timer-exit", exit_by_timer },
  { "fork", fork_and_exit },
  { "fork-crash", fork_and_crash },
  { "exit-handler-_exit", exit_by_handler },
  { "exit-handler-hang", exit_by_hanging_handler },
  { "handler-_exit", leave_handler },
  { "handler-hang", leave_hanging_handler },
  { "handler-segv", leave_crashing_handler },
};

static void (*misdeed_named(const char *name))(void)
{
  for (size_t i = 0; i < sizeof misdeeds / sizeof *misdeeds; i++)
    if (strcmp(misdeeds[i].name, name) == 0)
      return misdeeds[i].act;
  fprintf(stderr, "shim: there is no misdeed %s\n", name);
  abort();
}

void misbehave(const char *place, unsigned long call)
{
  static const char THREAD[] = "thread-", LATER_THREAD[] = "later-";
  char key[96], value[96];
  snprintf(key, sizeof key, "misbehave:%s", place);
  if (!fault(key, value, sizeof value))
    return;
  char *nth = strchr(value, ':');
  if (nth != NULL && strtoul(nth + 1, NULL, 10) != call)
    return;
  if (nth != NULL)
    *nth = '\0';
  if (strncmp(value, THREAD, sizeof THREAD - 1) == 0)
  {
    in_thread(misdeed_named(value + sizeof THREAD - 1), 0);
    usleep(WHILE_A_THREAD_ACTS);
  }
  else if (strncmp(value, LATER_THREAD, sizeof LATER_THREAD - 1) == 0)
    in_thread(misdeed_named(value + sizeof LATER_THREAD - 1), LATER);
  else
    misdeed_named(value)();
}

__attribute__((constructor)) static void constructor(void)
{
  misbehave("constructor", 1);
}

__attribute__((destructor)) static void destructor(void)
{
  misbehave("destructor", 1);
}
