/*
 * guard: stands around every call of a PKCS#11 module, so that a module that crashes, ends the process or hangs ends the
 * command with a message and an exit status of coffer's, and not of the module's.
 *
 * How it works. JavaScript says the name of each function before it is called (enter) and that it came back (leave). A
 * signal handler, an exit handler and a watchdog thread see what goes wrong in between. None of them can go on after
 * that: they write a text that JavaScript prepared, put the function's name into it, and end the process. SQLite takes
 * an open transaction back at the next start, as after a kill.
 *
 * What is said depends on how far the command is (enum stage): before the store's COMMIT it is an error; while the
 * commit or the result is on its way, a thread of the module that fails is stopped and the command goes on; afterwards it
 * is a warning, and the exit status is the command's own.
 *
 * Not seen: a stack overflow in a thread of the module's own, a module that resets or blocks SIGSEGV, the exit_group
 * system call itself, SIGKILL. man/coffer-security.7 says so to the operator.
 *
 * Plain Node-API and libc, for Linux on x86-64 and arm64; compiled by bin/natives.mjs.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <node_api.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef long long nanoseconds; /* of CLOCK_MONOTONIC, which stands still while the machine is suspended */

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL
#define NEVER LLONG_MAX

/* The HSM says no; the outcome of a write is not known (src/errors.ts). */
enum { STATUS_HSM = 3, STATUS_UNKNOWN = 5 };

/* ---- What the process is doing ---- */

enum stage
{
  BEFORE,  /* nothing is kept or shown yet */
  KEEPING, /* the COMMIT is running or done, or the result is being shown */
  DONE,    /* the result is out whole: done_status is the command's exit status */
  ENDING   /* one thread ends the process with an error */
};

static _Atomic int stage = BEFORE;
static int done_status;

#define NAME_ROOM 64
#define MAX_BACKGROUND 128

/* A call of the module. */
struct call
{
  _Atomic int running;
  _Atomic nanoseconds deadline; /* NEVER for no time limit */
  _Atomic nanoseconds began;
  nanoseconds limit;
  nanoseconds seen; /* the watchdog's: `began` of the last call that it has looked at */
  char name[NAME_ROOM];
};

/* In the thread of JavaScript; its name stays after the call, for what happens later. */
static struct call foreground = { .deadline = NEVER };
/* In threads of the runtime's pool. */
static struct call background[MAX_BACKGROUND];
static _Atomic int background_calls;

static pid_t process, main_thread;
static int installed;

static nanoseconds now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static pid_t thread_id(void)
{
  return (pid_t)syscall(SYS_gettid);
}

/* ---- The report, by async-signal-safe calls only ---- */

/* Which text; JavaScript gives them in this order. */
enum fault { CRASHED, ENDED, HUNG, LATE, UNKNOWN, TEXTS };

#define TEXT_ROOM 16384
/* U+E000, of the private use area, in UTF-8: what happened and where stands in its place. */
#define PLACEHOLDER "\xee\x80\x80"

static struct
{
  char text[TEXT_ROOM];
  size_t length, before, after; /* before: bytes in front of the placeholder; after: where the rest begins */
} texts[TEXTS];

/* A copy of our own of the descriptor that JavaScript names: a module may close 2. */
static int error_output = STDERR_FILENO, copied_from = -1;
static atomic_flag reporting = ATOMIC_FLAG_INIT;

/* Does not hang on a pipe that nobody reads. */
static void write_all(const char *bytes, size_t length)
{
  while (length > 0)
  {
    struct pollfd writable = { error_output, POLLOUT, 0 };
    if (poll(&writable, 1, 2000) == 0)
      return;
    ssize_t written = write(error_output, bytes, length);
    if (written < 0 && errno != EINTR && errno != EAGAIN)
      return;
    if (written > 0)
      bytes += written, length -= (size_t)written;
  }
}

static _Noreturn void stop_this_thread(void)
{
  for (;;)
    pause();
}

static _Noreturn void end_process(int status)
{
  for (;;)
    syscall(SYS_exit_group, status);
}

struct words
{
  char text[512];
  size_t length;
};

static void add(struct words *words, const char *text)
{
  while (*text != '\0' && words->length < sizeof words->text)
    words->text[words->length++] = *text++;
}

/* "in C_Login", "in C_Encrypt or C_Sign", "in a thread of its own, after C_Login" */
static void add_place(struct words *words)
{
  if (atomic_load(&foreground.running))
  {
    add(words, " in ");
    add(words, foreground.name);
    return;
  }
  int named = 0;
  for (int i = 0; i < MAX_BACKGROUND && atomic_load(&background_calls) > 0; i++)
  {
    int again = !atomic_load(&background[i].running);
    for (int j = 0; j < i && !again; j++)
      again = atomic_load(&background[j].running) && strcmp(background[i].name, background[j].name) == 0;
    if (again)
      continue;
    add(words, named++ == 0 ? " in " : " or ");
    add(words, background[i].name);
  }
  if (named > 0)
    return;
  add(words, thread_id() == main_thread ? " after " : " in a thread of its own, after ");
  add(words, foreground.name);
}

/* Writes the text with these words in it, and ends the process. Of several threads that come here, the first. */
static _Noreturn void report(enum fault text, int status, const struct words *words)
{
  if (atomic_flag_test_and_set(&reporting))
    stop_this_thread();
  write_all(texts[text].text, texts[text].before);
  if (texts[text].after > texts[text].before)
    write_all(words->text, words->length);
  write_all(texts[text].text + texts[text].after, texts[text].length - texts[text].after);
  end_process(status);
}

/* ---- A fault ---- */

/* Of a thread that was stopped in stage KEEPING. */
static enum fault stopped_by;
static struct words stopped_words;
static _Atomic int stopped; /* 0: none; 1: its words are being written; 2: they are there */
static _Atomic nanoseconds patience = NEVER;
static sem_t wake_watchdog;

/*
 * How long a command may still take, once a thread of the module was stopped that may hold a lock it needs. A result that
 * waits for its reader has all the time in the world.
 */
#define PATIENCE (30 * NS_PER_S)

/*
 * Ends the process, or, while the store or the result must come out whole, only this thread. `cause` is for people:
 * "crashed (SIGSEGV)".
 */
static _Noreturn void fault(enum fault kind, const char *cause)
{
  struct words words = { .length = 0 };
  add(&words, cause);
  add_place(&words);
  int before = BEFORE;
  if (atomic_compare_exchange_strong(&stage, &before, ENDING))
    report(kind, STATUS_HSM, &words);
  if (before == DONE)
    report(LATE, done_status, &words);
  if (before == KEEPING && thread_id() == main_thread) /* nobody is left who could bring it to its end */
    report(UNKNOWN, STATUS_UNKNOWN, &words);
  if (before == KEEPING)
  {
    int none = 0;
    if (atomic_compare_exchange_strong(&stopped, &none, 1))
    {
      stopped_by = kind;
      stopped_words = words;
      atomic_store(&stopped, 2);
      atomic_store(&patience, now() + PATIENCE);
      sem_post(&wake_watchdog);
    }
  }
  stop_this_thread();
}

/* Goes from one stage to another; not while another thread ends the process. */
static void enter_stage(enum stage next)
{
  int current = atomic_load(&stage);
  do
    if (current == ENDING)
      stop_this_thread();
  while (!atomic_compare_exchange_strong(&stage, &current, (int)next));
}

/* Where a thread of the module was stopped, the module is not called again. */
static void refuse_after_fault(void)
{
  if (atomic_load(&stopped) != 2)
    return;
  int current = atomic_load(&stage);
  report(current == DONE ? LATE : stopped_by, current == DONE ? done_status : STATUS_HSM, &stopped_words);
}

/* ---- Signals ---- */

static const int SIGNALS[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP };
enum { SIGNAL_COUNT = sizeof SIGNALS / sizeof *SIGNALS };
static const char *const CRASHES[] = { "crashed (SIGSEGV)", "crashed (SIGBUS)", "aborted (SIGABRT)",
                                       "crashed (SIGILL)", "crashed (SIGFPE)", "crashed (SIGTRAP)" };

/* The runtime's own handlers, for what is the runtime's. */
static struct sigaction runtime_actions[SIGNAL_COUNT];

/* Threads that were there before the module was: the runtime's. */
#define MAX_RUNTIME_THREADS 256
static pid_t runtime_threads[MAX_RUNTIME_THREADS];
static int runtime_thread_count;

/* Where the runtime's executable lies in memory. */
static uintptr_t runtime_start, runtime_end;

static int is_runtime_thread(pid_t thread)
{
  for (int i = 0; i < runtime_thread_count; i++)
    if (runtime_threads[i] == thread)
      return 1;
  return 0;
}

static uintptr_t program_counter(void *context)
{
  const ucontext_t *interrupted = context;
#if defined __x86_64__
  return (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
  return (uintptr_t)interrupted->uc_mcontext.pc;
#else
#error "the program counter of this processor"
#endif
}

/*
 * In the thread of JavaScript it is the module's during a call only. The pool's threads are the runtime's, but run
 * the module while a call is in the background. Any other thread came with the module, unless it is in the runtime's own code:
 * Bun starts some when it needs them.
 */
static int is_of_module(void *context)
{
  pid_t thread = thread_id();
  if (thread == main_thread)
    return atomic_load(&foreground.running);
  if (atomic_load(&background_calls) > 0)
    return 1;
  uintptr_t at = program_counter(context);
  return !is_runtime_thread(thread) && (at < runtime_start || at >= runtime_end);
}

/* What would have happened without us and without the runtime, which would print a report with the command's arguments in it. */
static void die_of(int number)
{
  signal(number, SIG_DFL);
  raise(number);
}

/* What would have happened without us. */
static void chain(int at, siginfo_t *info, void *context)
{
  int number = SIGNALS[at];
  struct sigaction *action = &runtime_actions[at];
  if (action->sa_flags & SA_SIGINFO)
    action->sa_sigaction(number, info, context);
  else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN)
    action->sa_handler(number);
  else
  {
    sigaction(number, action, NULL);
    if (info->si_code <= 0)
      raise(number); /* a fault comes again by itself */
  }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
  int saved_errno = errno, at = 0;
  while (SIGNALS[at] != number)
    at++;
  if (getpid() != process) /* a child that the module forked dies as it would without us */
  {
    signal(number, SIG_DFL);
    if (info->si_code <= 0)
      raise(number);
    return;
  }
  int sent_by_another = info->si_code <= 0 && info->si_pid != process; /* kill -SEGV */
  if (sent_by_another && runtime_actions[at].sa_handler != SIG_IGN)
  {
    die_of(number);
    return;
  }
  if (!sent_by_another && is_of_module(context))
    fault(CRASHED, CRASHES[at]);
  errno = saved_errno;
  chain(at, info, context);
}

static int install_signal_handlers(void)
{
  /* A handler for a stack overflow needs a stack of its own; the runtime may have made one. */
  static char stack[65536] __attribute__((aligned(64)));
  stack_t present, ours = { .ss_sp = stack, .ss_size = sizeof stack };
  if (sigaltstack(NULL, &present) != 0)
    return -1;
  if (((present.ss_flags & SS_DISABLE) || present.ss_size < sizeof stack / 2) && sigaltstack(&ours, NULL) != 0)
    return -1;
  struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
  sigfillset(&action.sa_mask);
  for (int i = 0; i < SIGNAL_COUNT; i++)
    if (sigaction(SIGNALS[i], &action, &runtime_actions[i]) != 0)
      return -1;
  return 0;
}

static void list_runtime_threads(void)
{
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL)
    return;
  for (struct dirent *task; (task = readdir(tasks)) != NULL && runtime_thread_count < MAX_RUNTIME_THREADS;)
    if (task->d_name[0] != '.')
      runtime_threads[runtime_thread_count++] = (pid_t)strtol(task->d_name, NULL, 10);
  closedir(tasks);
}

/* The executable is the first object that dl_iterate_phdr shows. */
static int find_runtime(struct dl_phdr_info *object, size_t size, void *unused)
{
  (void)size, (void)unused;
  for (int i = 0; i < object->dlpi_phnum; i++)
  {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
      continue;
    runtime_start = object->dlpi_addr + segment->p_vaddr;
    runtime_end = runtime_start + segment->p_memsz;
  }
  return 1;
}

/* ---- Ends that are no signal ---- */

static int quitting;
/* JavaScript said that it ends the process. */
static int leaving;

/*
 * Whether it is the module that ends the process, in this thread. In the thread of JavaScript it may do so between two calls, too:
 * in a signal handler.
 */
static int ends_by_module(void)
{
  if (getpid() != process || quitting)
    return 0;
  return thread_id() != main_thread || atomic_load(&foreground.running) || !leaving;
}

static void on_exit_call(void)
{
  if (ends_by_module())
    fault(ENDED, "called exit()");
}

static void on_quick_exit(void)
{
  if (ends_by_module())
    fault(ENDED, "called quick_exit()");
}

/* Runs when the thread of JavaScript ends by itself, which it never does. */
static void on_thread_end(void *unused)
{
  (void)unused;
  if (getpid() == process && atomic_load(&foreground.running))
    fault(ENDED, "called pthread_exit()");
}

/* Takes the place of _exit: every way out through libc ends there, after the exit handlers of the module. */
static _Noreturn void on_exit_system_call(int status)
{
  if (ends_by_module())
    fault(ENDED, "called _exit()");
  end_process(status);
}

/*
 * Lets libc's _exit jump to ours. It has no hook, so its first bytes are written over. Where that is refused (SELinux's
 * execmod, for one), a module that calls _exit goes unseen, and nothing else changes.
 */
static void hook_exit_system_call(void)
{
  unsigned char *function = dlsym(RTLD_DEFAULT, "_exit");
  void (*target)(int) = on_exit_system_call;
#if defined __x86_64__
  unsigned char jump[] = { 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0 }; /* mov rax, target; jmp rax */
  size_t operand = 2;
#elif defined __aarch64__
  unsigned char jump[] = { 0x50, 0, 0, 0x58, 0, 2, 0x1f, 0xd6, 0, 0, 0, 0, 0, 0, 0, 0 }; /* ldr x16, target; br x16 */
  size_t operand = 8;
#endif
  if (function == NULL)
    return;
  memcpy(jump + operand, &target, sizeof target);
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)function & ~(page - 1);
  uintptr_t end = ((uintptr_t)function + sizeof jump + page - 1) & ~(page - 1);
  if (mprotect((void *)start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
    return;
  memcpy(function, jump, sizeof jump);
  __builtin___clear_cache((char *)function, (char *)function + sizeof jump);
  mprotect((void *)start, end - start, PROT_READ | PROT_EXEC);
}

static int install_exit_hooks(void)
{
  pthread_key_t key;
  if (pthread_key_create(&key, on_thread_end) != 0 || pthread_setspecific(key, &process) != 0)
    return -1;
  if (atexit(on_exit_call) != 0 || at_quick_exit(on_quick_exit) != 0)
    return -1;
  hook_exit_system_call();
  return 0;
}

/* Exit handlers run last registered first; ours must see the end before those of the module act on it. */
static void stand_before_module_handlers(void)
{
  /* Loading, C_GetFunctionList and C_Initialize are where modules register theirs. */
  static int left = 3;
  if (left > 0 && left-- > 0)
    atexit(on_exit_call);
}

/* ---- The watchdog ---- */

static _Atomic nanoseconds sleeping_until;

/*
 * So often the watchdog looks at the clock during a call. If it was not woken for longer, the process was stopped in between
 * (Ctrl-Z), which is no time of the module's.
 */
#define HEARTBEAT (NS_PER_S / 5)
#define UNSEEN (2 * HEARTBEAT)

/* While JavaScript's thread is in a call of its own, it cannot see that one in the background is over: its clock stands. */
static nanoseconds next_deadline(void)
{
  nanoseconds next = atomic_load(&patience);
  if (atomic_load(&foreground.running))
  {
    nanoseconds deadline = atomic_load(&foreground.deadline);
    return deadline < next ? deadline : next;
  }
  for (int i = 0; i < MAX_BACKGROUND && atomic_load(&background_calls) > 0; i++)
  {
    nanoseconds deadline = atomic_load(&background[i].running) ? atomic_load(&background[i].deadline) : NEVER;
    next = deadline < next ? deadline : next;
  }
  return next;
}

static void check_deadline(struct call *call, nanoseconds at)
{
  nanoseconds deadline = atomic_load(&call->deadline);
  if (!atomic_load(&call->running) || at < deadline)
    return;
  if (atomic_load(&call->began) != call->seen) /* it came after add_unseen had looked: its deadline may be from before a stop */
    return;
  if (atomic_load(&stage) == KEEPING) /* the command does not wait for it; and the watchdog is not to be stopped */
  {
    atomic_store(&call->deadline, at + call->limit);
    return;
  }
  char cause[80];
  long long ms = call->limit / NS_PER_MS;
  snprintf(cause, sizeof cause, ms % 1000 == 0 ? "did not answer within %lld s" : "did not answer within %lld ms", ms % 1000 == 0 ? ms / 1000 : ms);
  fault(HUNG, cause);
}

/* Whether JavaScript's thread writes, or waits until it can. Where the kernel does not tell, it does not. */
static int waits_for_reader(void)
{
  char path[64], text[32] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)main_thread);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0 || text[0] < '0' || text[0] > '9') /* "running" */
    return 0;
  long number = strtol(text, NULL, 10);
#ifdef SYS_poll
  if (number == SYS_poll)
    return 1;
#endif
  return number == SYS_write || number == SYS_writev || number == SYS_ppoll;
}

static void add_time(_Atomic nanoseconds *deadline, nanoseconds time)
{
  nanoseconds before = atomic_load(deadline);
  if (before != NEVER)
    atomic_compare_exchange_strong(deadline, &before, before + time);
}

/*
 * A call gets the time again in which the process was stopped. One that the watchdog has not seen before may have begun long ago all the
 * same, where the process was stopped just then.
 */
static void add_unseen(struct call *call, nanoseconds looked, nanoseconds at)
{
  if (!atomic_load(&call->running))
    return;
  nanoseconds began = atomic_load(&call->began), deadline = atomic_load(&call->deadline);
  int is_new = began != call->seen;
  call->seen = began;
  if (is_new ? at >= deadline || at - began > UNSEEN : at - looked > UNSEEN)
    add_time(&call->deadline, is_new ? at - began : at - looked);
}

static void add_unseen_to_all(nanoseconds looked, nanoseconds at)
{
  if (at - looked > UNSEEN)
    add_time(&patience, at - looked);
  add_unseen(&foreground, looked, at);
  for (int i = 0; i < MAX_BACKGROUND; i++)
    add_unseen(&background[i], looked, at);
}

static void check_deadlines(nanoseconds at)
{
  if (at >= atomic_load(&patience))
  {
    if (!waits_for_reader())
      report(UNKNOWN, STATUS_UNKNOWN, &stopped_words);
    atomic_store(&patience, at + PATIENCE);
  }
  if (atomic_load(&foreground.running))
    check_deadline(&foreground, at);
  else
    for (int i = 0; i < MAX_BACKGROUND; i++)
      check_deadline(&background[i], at);
}

static void *watch(void *unused)
{
  (void)unused;
  nanoseconds looked = now();
  for (;;)
  {
    nanoseconds until = next_deadline();
    atomic_store(&sleeping_until, until);
    if (next_deadline() < until) /* a call began before it could see how long we sleep */
      continue;
    if (until == NEVER)
    {
      sem_wait(&wake_watchdog);
      looked = now();
    }
    else
    {
      nanoseconds beat = looked + HEARTBEAT, next = until < beat ? until : beat;
      struct timespec end = { next / NS_PER_S, next % NS_PER_S };
      sem_clockwait(&wake_watchdog, CLOCK_MONOTONIC, &end);
    }
    nanoseconds at = now(); /* one time for all that follows: the process may be stopped between any two lines */
    add_unseen_to_all(looked, at);
    check_deadlines(at);
    looked = at;
  }
  return NULL;
}

static void watch_over(nanoseconds deadline)
{
  if (deadline < atomic_load(&sleeping_until))
    sem_post(&wake_watchdog);
}

/* Most of it is for the thread-local variables of the runtime, which take their room there: Bun has more than 64 KiB. */
#define THREAD_STACK 524288

/* It takes no signals. */
static int start_thread(void *(*run)(void *))
{
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, mask;
  if (pthread_attr_init(&attributes) != 0)
    return -1;
  pthread_attr_setstacksize(&attributes, THREAD_STACK);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  int failed = pthread_create(&thread, &attributes, run, NULL);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  pthread_attr_destroy(&attributes);
  errno = failed;
  return failed == 0 ? 0 : -1;
}

static int start_watchdog(void)
{
  return sem_init(&wake_watchdog, 0, 0) != 0 ? -1 : start_thread(watch);
}

/* ---- Calls ---- */

static void begin_call(struct call *call, nanoseconds limit)
{
  nanoseconds began = now();
  call->limit = limit;
  atomic_store(&call->began, began);
  atomic_store(&call->deadline, limit == 0 ? NEVER : began + limit);
  atomic_store(&call->running, 1);
  if (limit != 0)
    watch_over(atomic_load(&call->deadline));
}

static void end_foreground_call(void)
{
  if (atomic_load(&background_calls) > 0) /* their clock stood; the watchdog looks at them again from the next line on */
  {
    nanoseconds took = now() - foreground.began;
    for (int i = 0; i < MAX_BACKGROUND; i++)
      add_time(&background[i].deadline, took);
  }
  atomic_store(&foreground.running, 0);
  if (atomic_load(&background_calls) > 0)
    sem_post(&wake_watchdog);
  stand_before_module_handlers();
}

static void begin_foreground_call(nanoseconds limit)
{
  refuse_after_fault();
  if (atomic_load(&stage) == KEEPING) /* the command has more to do: a further transaction */
    enter_stage(BEFORE);
  begin_call(&foreground, limit);
}

/* ---- The working directory ---- */

/*
 * A module may obey what lies in the current directory, which may be somebody else's: Yubico's reads its configuration there
 * before the one that it was given. So modules run in the root directory, from before they are loaded to the end of the process; the
 * program that takes its place starts where the caller was.
 */
static int has_left_directory;
/* The caller's, by O_PATH: that works for one that is gone or cannot be read. */
static int callers_directory = -1;

/* Variables with the path of a file or folder of a module's. */
static const char *const PATH_VARIABLES[] = { "ChrystokiConfigurationPath", "CS_PKCS11_R2_CFG", "CS_PKCS11_R3_CFG",
                                              "FORTANIX_PKCS11_CONFIG_PATH", "KMS_PKCS11_CONFIG", "OPENSC_CONF",
                                              "P11NETHSM_CONFIG_FILE", "SOFTHSM2_CONF", "TPM2_PKCS11_STORE",
                                              "YUBIHSM_PKCS11_CONF" };
enum { PATH_VARIABLE_COUNT = sizeof PATH_VARIABLES / sizeof *PATH_VARIABLES };
/* Gives these variables whole paths, where they are relative. Nothing frees what stands in the environment. */
static void resolve_variables(void)
{
  char *directory = getcwd(NULL, 0);
  for (int i = 0; i < PATH_VARIABLE_COUNT && directory != NULL && directory[0] == '/'; i++)
  {
    size_t length = strlen(PATH_VARIABLES[i]);
    for (char **each = environ; each != NULL && *each != NULL; each++)
    {
      if (strncmp(*each, PATH_VARIABLES[i], length) != 0 || (*each)[length] != '=')
        continue;
      const char *path = *each + length + 1;
      char *whole;
      if (path[0] != '/' && path[0] != '\0' && asprintf(&whole, "%s=%s/%s", PATH_VARIABLES[i], directory, path) > 0)
        *each = whole;
      break;
    }
  }
  free(directory);
}

/*
 * A directory that this user may not enter cannot be entered again. A thread that has a working directory of its own stays there,
 * and starts the program.
 */
static struct
{
  int keeps;
  sem_t called, answered;
  const char *path;
  char **argv, **environment;
  int failed;
} keeper;

static int replace_process(const char *path, char **argv, char **environment);

static void *keep_directory(void *unused)
{
  (void)unused;
  keeper.keeps = unshare(CLONE_FS) == 0;
  sem_post(&keeper.answered);
  while (keeper.keeps)
  {
    while (sem_wait(&keeper.called) != 0)
      ;
    keeper.failed = replace_process(keeper.path, keeper.argv, keeper.environment);
    sem_post(&keeper.answered);
  }
  return NULL;
}

static int leave_directory(void)
{
  if (has_left_directory)
    return 0;
  resolve_variables();
  callers_directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (callers_directory < 0 && sem_init(&keeper.called, 0, 0) == 0 && sem_init(&keeper.answered, 0, 0) == 0
      && start_thread(keep_directory) == 0)
    while (sem_wait(&keeper.answered) != 0)
      ;
  if (chdir("/") != 0)
    return -1;
  has_left_directory = 1;
  return 0;
}

/* Replaces the process where the caller was. Returns only when it fails: the error number; ESTALE where there is no way back. */
static int replace_process_there(const char *path, char **argv, char **environment)
{
  if (!has_left_directory && callers_directory < 0)
    return replace_process(path, argv, environment);
  if (callers_directory < 0)
  {
    if (!keeper.keeps)
      return ESTALE;
    keeper.path = path, keeper.argv = argv, keeper.environment = environment;
    sem_post(&keeper.called);
    while (sem_wait(&keeper.answered) != 0)
      ;
    return keeper.failed;
  }
  if (fchdir(callers_directory) != 0)
    return ESTALE;
  int failed = replace_process(path, argv, environment);
  return chdir("/") == 0 ? failed : errno;
}

/* ---- Node-API ---- */

static napi_value throw_errno(napi_env env, const char *what, int number)
{
  char message[256];
  snprintf(message, sizeof message, "%s: %s", what, strerror(number));
  napi_throw_error(env, strerrorname_np(number), message);
  return NULL;
}

/* As the runtimes throw what the system says: with code and syscall, and in their words. */
static napi_value throw_system_error(napi_env env, const char *call, int number)
{
  char message[256];
  napi_value code, text, name, error;
  const char *words = strerror(number);
  snprintf(message, sizeof message, "%s: %c%s, %s", strerrorname_np(number), tolower(words[0]), words + 1, call);
  napi_create_string_utf8(env, strerrorname_np(number), NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text);
  napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &name);
  if (napi_create_error(env, code, text, &error) == napi_ok && napi_set_named_property(env, error, "syscall", name) == napi_ok)
    napi_throw(env, error);
  return NULL;
}

static napi_value throw_text(napi_env env, const char *message)
{
  napi_throw_error(env, NULL, message);
  return NULL;
}

static void arguments(napi_env env, napi_callback_info info, napi_value *values, size_t count)
{
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
}

static int text_argument(napi_env env, napi_value value, char *text, size_t room, size_t *length)
{
  size_t whole;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &whole) != napi_ok || whole >= room)
    return -1;
  return napi_get_value_string_utf8(env, value, text, room, length) == napi_ok ? 0 : -1;
}

static int32_t number_argument(napi_env env, napi_value value)
{
  int32_t number = 0;
  napi_get_value_int32(env, value, &number);
  return number;
}

/* Milliseconds as a number; 0 for no limit. */
static nanoseconds limit_argument(napi_env env, napi_value value)
{
  int64_t milliseconds = 0;
  napi_get_value_int64(env, value, &milliseconds);
  return milliseconds * NS_PER_MS;
}

static napi_value number_result(napi_env env, int32_t number)
{
  napi_value result = NULL;
  napi_create_int32(env, number, &result);
  return result;
}

static int install_once(void)
{
  if (installed)
    return 0;
  process = getpid();
  main_thread = thread_id();
  list_runtime_threads();
  dl_iterate_phdr(find_runtime, NULL);
  if (install_signal_handlers() != 0 || install_exit_hooks() != 0 || start_watchdog() != 0)
    return -1;
  installed = 1;
  return 0;
}

/* Where the report goes. The copy before, if there was one, is closed only when the new one is in its place. */
static void report_to(int descriptor)
{
  if (descriptor == copied_from)
    return;
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3), before = error_output;
  error_output = copy >= 0 ? copy : descriptor;
  if (copied_from >= 0 && before != copied_from)
    close(before);
  copied_from = descriptor;
}

/*
 * install([crashed, ended, hung, late, unknown], descriptor): each text with U+E000 where what happened is to stand, or empty
 * for nothing, and where it is written. Again: other texts.
 */
static napi_value Install(napi_env env, napi_callback_info info)
{
  napi_value values[2], list, element;
  arguments(env, info, values, 2);
  list = values[0];
  for (uint32_t i = 0; i < TEXTS; i++)
  {
    size_t length = 0;
    if (napi_get_element(env, list, i, &element) != napi_ok || text_argument(env, element, texts[i].text, TEXT_ROOM, &length) != 0)
      return throw_text(env, "a text for the guard is missing or too long");
    char *place = strstr(texts[i].text, PLACEHOLDER);
    texts[i].length = length;
    texts[i].before = place == NULL ? length : (size_t)(place - texts[i].text);
    texts[i].after = place == NULL ? length : texts[i].before + sizeof PLACEHOLDER - 1;
  }
  report_to(number_argument(env, values[1]));
  return install_once() == 0 ? NULL : throw_errno(env, "cannot install the guard", errno);
}

/* enter(name, milliseconds) */
static napi_value Enter(napi_env env, napi_callback_info info)
{
  napi_value values[2];
  size_t length;
  arguments(env, info, values, 2);
  napi_get_value_string_utf8(env, values[0], foreground.name, NAME_ROOM, &length);
  begin_foreground_call(limit_argument(env, values[1]));
  return NULL;
}

static napi_value Leave(napi_env env, napi_callback_info info)
{
  (void)env, (void)info;
  end_foreground_call();
  return NULL;
}

/* enterBackground(name, milliseconds): the call's number, for leaveBackground; -1 where there are too many to watch. */
static napi_value EnterBackground(napi_env env, napi_callback_info info)
{
  napi_value values[2];
  size_t length;
  arguments(env, info, values, 2);
  refuse_after_fault();
  int free = 0;
  while (free < MAX_BACKGROUND && atomic_load(&background[free].running))
    free++;
  if (free == MAX_BACKGROUND)
    return number_result(env, -1);
  napi_get_value_string_utf8(env, values[0], background[free].name, NAME_ROOM, &length);
  atomic_fetch_add(&background_calls, 1);
  begin_call(&background[free], limit_argument(env, values[1]));
  return number_result(env, free);
}

static napi_value LeaveBackground(napi_env env, napi_callback_info info)
{
  napi_value value;
  arguments(env, info, &value, 1);
  int32_t call = number_argument(env, value);
  if (call < 0 || call >= MAX_BACKGROUND || !atomic_load(&background[call].running))
    return NULL;
  atomic_store(&background[call].running, 0);
  atomic_fetch_sub(&background_calls, 1);
  return NULL;
}

/*
 * load(path, milliseconds): dlopen, under guard, in the root directory, where this process then stays. All symbols are looked up
 * now: one that is missing is an error here, and not the loader's own end of the process at its first use. Throws the loader's words.
 */
static napi_value Load(napi_env env, napi_callback_info info)
{
  static char path[PATH_MAX];
  napi_value values[2];
  size_t length;
  arguments(env, info, values, 2);
  if (text_argument(env, values[0], path, sizeof path, &length) != 0)
    return throw_text(env, "the path is too long");
  if (leave_directory() != 0)
    return throw_errno(env, "cannot leave the working directory", errno);
  strcpy(foreground.name, "dlopen, which loads it");
  begin_foreground_call(limit_argument(env, values[1]));
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  end_foreground_call();
  return module != NULL ? NULL : throw_text(env, dlerror());
}

/* keep(): from here on the store's commit, or the result, comes out whole. */
static napi_value Keep(napi_env env, napi_callback_info info)
{
  (void)env, (void)info;
  enter_stage(KEEPING);
  return NULL;
}

/* undo(): the commit failed, so that nothing was kept. */
static napi_value Undo(napi_env env, napi_callback_info info)
{
  (void)env, (void)info;
  enter_stage(BEFORE);
  return NULL;
}

/* done(status): the result is out. */
static napi_value Done(napi_env env, napi_callback_info info)
{
  napi_value value;
  arguments(env, info, &value, 1);
  done_status = number_argument(env, value);
  enter_stage(DONE);
  refuse_after_fault();
  return NULL;
}

/* ---- Standard output ---- */

static int real_output = -1;

/* What the module printed may sit in libc's buffer. A stopped thread may hold its lock. */
static void flush_output(void)
{
  if (ftrylockfile(stdout) != 0)
    return;
  fflush_unlocked(stdout);
  funlockfile(stdout);
}

/* redirectOutput(): descriptor 1 is stderr from now on. Returns the descriptor for results. */
static napi_value RedirectOutput(napi_env env, napi_callback_info info)
{
  (void)info;
  if (real_output >= 0)
    return number_result(env, real_output);
  flush_output();
  int copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (copy < 0)
    return throw_errno(env, "cannot copy stdout", errno);
  if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
  {
    int number = errno;
    close(copy);
    return throw_errno(env, "cannot point stdout at stderr", number);
  }
  real_output = copy;
  return number_result(env, real_output);
}

static int restore_output(void)
{
  if (real_output < 0)
    return 0;
  flush_output();
  if (dup2(real_output, STDOUT_FILENO) < 0)
    return -1;
  close(real_output);
  real_output = -1;
  return 0;
}

/* restoreOutput(): descriptor 1 is stdout again; the module is gone. */
static napi_value RestoreOutput(napi_env env, napi_callback_info info)
{
  (void)info;
  return restore_output() == 0 ? NULL : throw_errno(env, "cannot restore stdout", errno);
}

/* leaving(): JavaScript ends the process, in its own way. */
static napi_value Leaving(napi_env env, napi_callback_info info)
{
  (void)env, (void)info;
  leaving = 1;
  return NULL;
}

/* quit(status): ends the process without the module's exit handlers and destructors. */
static napi_value Quit(napi_env env, napi_callback_info info)
{
  napi_value value;
  arguments(env, info, &value, 1);
  quitting = 1;
  flush_output();
  end_process(number_argument(env, value));
}

/* ---- The user ---- */

/* account(): { name, home } of the effective user id, or null. Through libc, so that users of the network are known. */
static napi_value Account(napi_env env, napi_callback_info info)
{
  (void)info;
  struct passwd entry, *found = NULL;
  size_t room = 1024;
  char *text = NULL;
  int failed = ERANGE;
  while (failed == ERANGE && room <= 1 << 20)
  {
    free(text);
    room *= 2;
    text = malloc(room);
    failed = text == NULL ? ENOMEM : getpwuid_r(geteuid(), &entry, text, room, &found);
  }
  napi_value result = NULL, name, home;
  if (failed != 0 || found == NULL)
    napi_get_null(env, &result);
  else if (napi_create_string_utf8(env, entry.pw_name, NAPI_AUTO_LENGTH, &name) != napi_ok
           || napi_create_string_utf8(env, entry.pw_dir, NAPI_AUTO_LENGTH, &home) != napi_ok
           || napi_create_object(env, &result) != napi_ok || napi_set_named_property(env, result, "name", name) != napi_ok
           || napi_set_named_property(env, result, "home", home) != napi_ok)
    result = NULL;
  free(text);
  return result;
}

/* ---- harden and exec ---- */

static struct rlimit core_limit;
static int hardened;

/* harden(): no core dump, and no other process of this user looks into the memory (proc(5), prctl(2)). */
static napi_value Harden(napi_env env, napi_callback_info info)
{
  (void)info;
  if (hardened)
    return NULL;
  if (getrlimit(RLIMIT_CORE, &core_limit) != 0)
    return throw_errno(env, "getrlimit", errno);
  struct rlimit none = { 0, core_limit.rlim_max }; /* the soft limit alone, so that exec can give it back */
  if (setrlimit(RLIMIT_CORE, &none) != 0)
    return throw_errno(env, "setrlimit", errno);
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return throw_errno(env, "prctl", errno);
  hardened = 1;
  return NULL;
}

static void free_strings(char **strings)
{
  for (char **at = strings; at != NULL && *at != NULL; at++)
    free(*at);
  free(strings);
}

/* What the launcher noted before the runtime began: of a runtime without one nothing is known. Signals and descriptors are bits. */
static struct
{
  int is_known;
  unsigned long long files, ignored, blocked;
  unsigned nonblocking, closed;
  int directory; /* a descriptor of the one that the launcher had to leave; -1 for none */
} start;

static void read_start(const char *note)
{
  start.is_known = sscanf(note, "%llx.%llx.%llx.%x.%x.%d", &start.files, &start.ignored, &start.blocked, &start.nonblocking,
                          &start.closed, &start.directory) == 6;
  if (start.is_known && start.directory >= 0)
    callers_directory = start.directory;
}

/* environment(): ["NAME=value", ...] as this process has them now, a character for each byte. */
static napi_value Environment(napi_env env, napi_callback_info info)
{
  (void)info;
  napi_value list, text;
  napi_create_array(env, &list);
  for (uint32_t i = 0; environ != NULL && environ[i] != NULL; i++)
    if (napi_create_string_latin1(env, environ[i], NAPI_AUTO_LENGTH, &text) == napi_ok)
      napi_set_element(env, list, i, text);
  return list;
}

/* The bytes of a Uint8Array; NULL where it is none. */
static const void *bytes_argument(napi_env env, napi_value value, size_t *length)
{
  void *data = NULL;
  bool is_array = false;
  napi_typedarray_type type;
  napi_value buffer;
  size_t offset;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array
      || napi_get_typedarray_info(env, value, &type, length, &data, &buffer, &offset) != napi_ok || type != napi_uint8_array)
    return NULL;
  return *length == 0 ? "" : data;
}

/* A string as UTF-8, or a Uint8Array as it is; NULL where it holds a NUL, or is neither. */
static char *copied_string(napi_env env, napi_value value)
{
  size_t length;
  const void *bytes = bytes_argument(env, value, &length);
  if (bytes == NULL && napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
    return NULL;
  char *copy = calloc(length + 1, 1);
  if (copy != NULL && bytes != NULL)
    memcpy(copy, bytes, length);
  else if (copy != NULL && napi_get_value_string_utf8(env, value, copy, length + 1, &length) != napi_ok)
    copy[0] = '\0';
  if (copy == NULL || strlen(copy) == length)
    return copy;
  free(copy);
  return NULL;
}

/* An array of these, ended by NULL; NULL where one of them is NULL. */
static char **string_list(napi_env env, napi_value array)
{
  uint32_t count;
  if (napi_get_array_length(env, array, &count) != napi_ok)
    return NULL;
  char **strings = calloc((size_t)count + 1, sizeof *strings);
  for (uint32_t i = 0; strings != NULL && i < count; i++)
  {
    napi_value element;
    if (napi_get_element(env, array, i, &element) != napi_ok || (strings[i] = copied_string(env, element)) == NULL)
    {
      free_strings(strings);
      return NULL;
    }
  }
  return strings;
}

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
/* Above the numbers that shell scripts and shells use themselves. */
#define LEAST_DESCRIPTOR 64

/* Linux before 6.3 does not know MFD_NOEXEC_SEAL, and a later one may be set to want it (sysctl vm.memfd_noexec). */
static int new_memory_file(const char *whole_name)
{
  char name[250]; /* with its end: longer ones are refused */
  snprintf(name, sizeof name, "%s", whole_name);
  int file = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  return file >= 0 || errno != EINVAL ? file : (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static int write_whole(int file, const char *bytes, size_t length)
{
  for (ssize_t written; length > 0; bytes += written, length -= (size_t)written)
  {
    written = write(file, bytes, length);
    if (written < 0 && errno == EINTR)
      written = 0;
    if (written < 0)
      return -1;
  }
  return 0;
}

/* memoryFile(name, bytes): the descriptor of a file in memory, of mode 0400 and sealed: nobody can change it (memfd_create(2)). */
static napi_value MemoryFile(napi_env env, napi_callback_info info)
{
  static const int SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  napi_value values[2], result = NULL;
  size_t length;
  arguments(env, info, values, 2);
  char *name = copied_string(env, values[0]);
  const void *bytes = bytes_argument(env, values[1], &length);
  errno = EINVAL;
  int file = name == NULL || bytes == NULL ? -1 : new_memory_file(name);
  free(name);
  int moved = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, LEAST_DESCRIPTOR);
  if (moved >= 0)
  {
    close(file);
    file = moved;
  }
  if (file < 0 || write_whole(file, bytes, length) != 0 || lseek(file, 0, SEEK_SET) != 0 || fchmod(file, S_IRUSR) != 0
      || fcntl(file, F_ADD_SEALS, SEALS) != 0)
  {
    int failed = errno;
    if (file >= 0)
      close(file);
    return throw_system_error(env, "memfd_create", failed);
  }
  napi_create_int32(env, file, &result);
  return result;
}

/* nameFile(descriptor, path): gives a file that was opened without a name (O_TMPFILE of open(2)) this one. Nothing is replaced, and no link followed there. */
static napi_value NameFile(napi_env env, napi_callback_info info)
{
  napi_value values[2];
  char file[32];
  arguments(env, info, values, 2);
  char *path = copied_string(env, values[1]);
  snprintf(file, sizeof file, "/proc/self/fd/%d", (int)number_argument(env, values[0]));
  int failed = path == NULL ? EINVAL : linkat(AT_FDCWD, file, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  free(path);
  return failed == 0 ? NULL : throw_system_error(env, "link", failed);
}

/* Closes every descriptor but 0, 1, 2 when the program starts, and none if it does not. */
static void close_others_on_exec(void)
{
  if (syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) == 0)
    return;
  DIR *descriptors = opendir("/proc/self/fd"); /* Linux before 5.11 */
  for (struct dirent *entry; descriptors != NULL && (entry = readdir(descriptors)) != NULL;)
  {
    int descriptor = atoi(entry->d_name);
    if (descriptor > STDERR_FILENO)
      fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  if (descriptors != NULL)
    closedir(descriptors);
}

/*
 * The runtimes mark even these close-on-exec at their start, and make pipes non-blocking, for whoever shares them too. Where it is
 * not known what they were, they block, as most programs want them. What was closed is closed again.
 */
static void prepare_standard_descriptors(void)
{
  for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++)
  {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0)
      continue;
    int nonblocking = start.is_known && (start.nonblocking >> descriptor & 1U) ? O_NONBLOCK : 0;
    if ((flags & O_NONBLOCK) != nonblocking)
      fcntl(descriptor, F_SETFL, (flags & ~O_NONBLOCK) | nonblocking);
    fcntl(descriptor, F_SETFD, start.is_known && (start.closed >> descriptor & 1U) ? FD_CLOEXEC : 0);
  }
}

/*
 * The runtimes raise the soft limit of open files to the hard one at their start. Where it is not known what it was, the parent's
 * is the best guess, where it may be read and has the same hard limit; else 1024, which programs that use select(2) need.
 */
static void restore_file_limit(struct rlimit *before)
{
  struct rlimit parent;
  if (getrlimit(RLIMIT_NOFILE, before) != 0)
    return;
  if (start.is_known)
  {
    struct rlimit noted = { start.files < before->rlim_max ? start.files : before->rlim_max, before->rlim_max };
    setrlimit(RLIMIT_NOFILE, &noted);
    return;
  }
  if (before->rlim_cur != before->rlim_max)
    return;
  struct rlimit usual = { before->rlim_max < 1024 ? before->rlim_max : 1024, before->rlim_max };
  if (prlimit(getppid(), RLIMIT_NOFILE, NULL, &parent) == 0 && parent.rlim_max == before->rlim_max)
    usual.rlim_cur = parent.rlim_cur;
  setrlimit(RLIMIT_NOFILE, &usual);
}

#define SIGNAL_NUMBERS 65

/*
 * What is caught goes back to the default here and not in execve, so that a signal in between is not lost. What the caller of
 * coffer ignores stays ignored (nohup). Where that is not known, SIGPIPE and SIGXFSZ do not, which the runtimes ignore by themselves.
 */
static int stays_ignored(int number, const struct sigaction *now)
{
  if (start.is_known)
    return start.ignored >> (number - 1) & 1U;
  return now->sa_handler == SIG_IGN && number != SIGPIPE && number != SIGXFSZ;
}

static void reset_signals(struct sigaction *before)
{
  for (int number = 1; number < SIGNAL_NUMBERS; number++)
  {
    before[number].sa_handler = SIG_DFL;
    if (sigaction(number, NULL, &before[number]) != 0)
      continue;
    struct sigaction plain = { .sa_handler = stays_ignored(number, &before[number]) ? SIG_IGN : SIG_DFL };
    sigaction(number, &plain, NULL);
  }
}

static void keep_descriptors(napi_env env, napi_value list)
{
  uint32_t count = 0;
  napi_get_array_length(env, list, &count);
  for (uint32_t i = 0; i < count; i++)
  {
    napi_value element;
    if (napi_get_element(env, list, i, &element) == napi_ok)
      fcntl(number_argument(env, element), F_SETFD, 0);
  }
}

/* Returns only when it fails: the error number, with limits, signals and mask as they were. */
static int replace_process(const char *path, char **argv, char **environment)
{
  struct sigaction actions[SIGNAL_NUMBERS];
  struct rlimit files, cores;
  sigset_t all, given, mask;
  restore_file_limit(&files);
  getrlimit(RLIMIT_CORE, &cores);
  if (hardened)
    setrlimit(RLIMIT_CORE, &core_limit);
  sigfillset(&all);
  sigemptyset(&given);
  for (int number = 1; number < SIGNAL_NUMBERS; number++)
    if (start.is_known && (start.blocked >> (number - 1) & 1U))
      sigaddset(&given, number);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  reset_signals(actions);
  pthread_sigmask(SIG_SETMASK, &given, NULL);
  execve(path, argv, environment);
  int failed = errno;
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  for (int number = 1; number < SIGNAL_NUMBERS; number++)
    sigaction(number, &actions[number], NULL);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  setrlimit(RLIMIT_NOFILE, &files);
  setrlimit(RLIMIT_CORE, &cores);
  return failed;
}

/*
 * exec(path, argv, env, keep, start): the program at `path` takes the place of this process, in the directory where that was started.
 * env: "NAME=value" each. keep: descriptors that it gets beside 0, 1 and 2. start: what the launcher noted, or null. Returns only by throwing.
 */
static napi_value Exec(napi_env env, napi_callback_info info)
{
  napi_value values[5];
  arguments(env, info, values, 5);
  char *path = copied_string(env, values[0]);
  char **argv = string_list(env, values[1]);
  char **environment = string_list(env, values[2]);
  char *note = copied_string(env, values[4]);
  int failed = EINVAL;
  if (path != NULL && argv != NULL && argv[0] != NULL && environment != NULL)
  {
    if (note != NULL)
      read_start(note);
    fflush(NULL);
    restore_output();
    prepare_standard_descriptors();
    close_others_on_exec();
    keep_descriptors(env, values[3]);
    failed = replace_process_there(path, argv, environment);
  }
  free(path);
  free(note);
  free_strings(argv);
  free_strings(environment);
  return throw_errno(env, "exec", failed);
}

NAPI_MODULE_INIT()
{
#define FUNCTION(name, function) { name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL }
  napi_property_descriptor functions[] = {
    FUNCTION("install", Install), FUNCTION("load", Load),
    FUNCTION("enter", Enter), FUNCTION("leave", Leave),
    FUNCTION("enterBackground", EnterBackground), FUNCTION("leaveBackground", LeaveBackground),
    FUNCTION("keep", Keep), FUNCTION("undo", Undo), FUNCTION("done", Done),
    FUNCTION("redirectOutput", RedirectOutput), FUNCTION("restoreOutput", RestoreOutput),
    FUNCTION("leaving", Leaving), FUNCTION("quit", Quit), FUNCTION("account", Account),
    FUNCTION("harden", Harden), FUNCTION("environment", Environment), FUNCTION("memoryFile", MemoryFile),
    FUNCTION("nameFile", NameFile), FUNCTION("exec", Exec),
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
