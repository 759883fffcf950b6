/* Lets the clock jump and the disk be slow for the process that it is loaded into (LD_PRELOAD), while told to.
 *
 * HYPERMATCH_TROUBLE names a file of two numbers, mapped so that a change is seen at once: by how many seconds the
 * time of day is ahead, and how many microseconds each call on a file below HYPERMATCH_TROUBLE_FOLDER takes longer.
 * What measures durations goes on evenly, as on a machine whose clock somebody sets. Without the file all calls pass. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct trouble { int32_t ahead_seconds; uint32_t delay_us; };

static const struct trouble none;
static volatile const struct trouble *now = &none;
static const char *folder = "";

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("HYPERMATCH_TROUBLE"), *below = getenv("HYPERMATCH_TROUBLE_FOLDER");
    int fd = name && below ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) return;
    folder = below;
    now = mapped;
}

/* The next definition of a function, looked up when it is first called. */
#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t clock, struct timespec *to) {
    REAL(clock_gettime);
    int failed = real(clock, to);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) to->tv_sec += now->ahead_seconds;
    return failed;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    REAL(gettimeofday);
    int failed = real(to, zone);
    if (!failed) to->tv_sec += now->ahead_seconds;
    return failed;
}

time_t time(time_t *to) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (to) *to = found.tv_sec;
    return found.tv_sec;
}

/* Its deadline was told by our clock, and the kernel keeps it by its own. */
int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    REAL(sem_timedwait);
    struct timespec right = {until->tv_sec - now->ahead_seconds, until->tv_nsec};
    return real(semaphore, &right);
}

static void wait_for_disk(void) {
    struct timespec left = {now->delay_us / 1000000, (now->delay_us % 1000000) * 1000L};
    while (nanosleep(&left, &left) != 0) continue;
}

static void on_path(const char *path) {
    if (now->delay_us && path && strncmp(path, folder, strlen(folder)) == 0) wait_for_disk();
}

static void on_file(int fd) {
    char link[40], path[4096];
    if (!now->delay_us) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n > 0) { path[n] = 0; on_path(path); }
}

#define SLOW(result, name, params, args, met)                                   \
    result name params {                                                        \
        REAL(name);                                                             \
        met;                                                                    \
        return real args;                                                       \
    }

SLOW(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), on_file(fd))
SLOW(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), on_file(fd))
SLOW(ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at), on_file(fd))
SLOW(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n), on_file(fd))
SLOW(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), on_file(fd))
SLOW(ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at), on_file(fd))
SLOW(ssize_t, writev, (int fd, const struct iovec *from, int n), (fd, from, n), on_file(fd))
SLOW(int, fsync, (int fd), (fd), on_file(fd))
SLOW(int, fdatasync, (int fd), (fd), on_file(fd))
SLOW(int, rename, (const char *from, const char *to), (from, to), on_path(to))
SLOW(int, link, (const char *from, const char *to), (from, to), on_path(to))
SLOW(int, unlink, (const char *path), (path), on_path(path))
