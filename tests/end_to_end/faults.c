// Preloaded by faults_test.py: makes calls that change files fail, and the clock of the calendar jump.
//
//   FAULT=AT:KIND     the AT-th such call (from 1) fails with the errno KIND; KIND "full": it and all
//                     writes after it fail with ENOSPC; "short": it writes half of its bytes
//   FAULT_COUNT=FILE  how many such calls there were is written there at the end
//   FAULT_CLOCK=1     whoever asks what time of day it is gets another day each time
//
// Counted are open() of a file to be made, write() and writev() into files, fsync(), ftruncate(),
// rename() and mkdir(). All are the process's own: a shared library of the C library's names.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_int calls;
static atomic_int asked;
static int fault_at;
static int fault_errno;
static int is_full;
static int is_short;
static int clock_jumps;

__attribute__((constructor)) static void begin(void) {
  const char* fault = getenv("FAULT");
  clock_jumps = getenv("FAULT_CLOCK") != NULL;
  if (fault == NULL) return;
  fault_at = atoi(fault);
  const char* kind = strchr(fault, ':') + 1;
  is_full = strcmp(kind, "full") == 0;
  is_short = strcmp(kind, "short") == 0;
  fault_errno = is_full ? ENOSPC : atoi(kind);
}

__attribute__((destructor)) static void end(void) {
  const char* name = getenv("FAULT_COUNT");
  if (name == NULL) return;
  char text[32];
  const int size = snprintf(text, sizeof text, "%d\n", calls);
  const int file = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  syscall(SYS_write, file, text, size);
}

// Whether this call is to fail. `takes_space`: on a full disk it fails, too.
static int fails(int takes_space) {
  const int number = ++calls;
  if (is_short || fault_at == 0) return 0;
  if (number != fault_at && !(is_full && takes_space && number > fault_at)) return 0;
  errno = fault_errno;
  return 1;
}

static int is_file(int file) {
  struct stat status;
  return file > STDERR_FILENO && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

static size_t written(size_t size) {
  return is_short && calls == fault_at && size > 1 ? size / 2 : size;
}

ssize_t write(int file, const void* bytes, size_t size) {
  if (is_file(file)) {
    if (fails(1)) return -1;
    size = written(size);
  }
  return syscall(SYS_write, file, bytes, size);
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  if (is_file(file)) {
    if (fails(1)) return -1;
    if (count > 0 && written(2) == 1) return syscall(SYS_write, file, parts->iov_base, parts->iov_len);
  }
  return syscall(SYS_writev, file, parts, count);
}

static int open_at(int folder, const char* name, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0 && fails(1)) return -1;
  return (int)syscall(SYS_openat, folder, name, flags, mode);
}

#define MODE_OF(flags)               \
  mode_t mode = 0;                   \
  if (((flags)&O_CREAT) != 0) {      \
    va_list words;                   \
    va_start(words, flags);          \
    mode = va_arg(words, mode_t);    \
    va_end(words);                   \
  }

int open(const char* name, int flags, ...) {
  MODE_OF(flags)
  return open_at(AT_FDCWD, name, flags, mode);
}
int open64(const char* name, int flags, ...) {
  MODE_OF(flags)
  return open_at(AT_FDCWD, name, flags, mode);
}
int openat(int folder, const char* name, int flags, ...) {
  MODE_OF(flags)
  return open_at(folder, name, flags, mode);
}

int fsync(int file) {
  return is_file(file) && fails(0) ? -1 : (int)syscall(SYS_fsync, file);
}
int ftruncate(int file, off_t size) {
  return fails(0) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}
int ftruncate64(int file, off64_t size) {
  return fails(0) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}
int rename(const char* from, const char* to) {
  return fails(0) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int mkdir(const char* name, mode_t mode) {
  return fails(1) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
}

// Steps of a day to and fro, as no daemon that sets clocks would dare.
static time_t step(void) {
  return clock_jumps ? (++asked % 2 == 0 ? 86400 : -86400) : 0;
}
int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += step();
  return result;
}
int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  const int result = (int)syscall(SYS_gettimeofday, now, zone);
  if (result == 0) now->tv_sec += step();
  return result;
}
time_t time(time_t* now) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  if (now != NULL) *now = ts.tv_sec;
  return ts.tv_sec;
}
