/* Loaded with LD_PRELOAD: the time of day stands still at COFFER_TEST_CLOCK, seconds since 1970. Other clocks go on. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static time_t standing(void) {
  const char *text = getenv("COFFER_TEST_CLOCK");
  return text == NULL ? 0 : (time_t)strtoll(text, NULL, 10);
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *at) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return (int)syscall(SYS_clock_gettime, clock, at);
  *at = (struct timespec){ .tv_sec = standing() };
  return 0;
}

EXPORTED int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  (void)zone;
  *at = (struct timeval){ .tv_sec = standing() };
  return 0;
}

EXPORTED time_t time(time_t *at) {
  if (at != NULL) *at = standing();
  return standing();
}
