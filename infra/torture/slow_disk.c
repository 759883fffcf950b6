/* Makes the disk below one folder slow for the process that it is loaded into (LD_PRELOAD), while told to.
 *
 * HYPERMATCH_SLOW_DISK names a file whose content is the delay of each call in microseconds, mapped so that a change
 * is seen at once; HYPERMATCH_SLOW_FOLDER is the folder. Without the file every call passes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile const uint32_t *delay_us;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("HYPERMATCH_SLOW_DISK");
    folder = getenv("HYPERMATCH_SLOW_FOLDER");
    int fd = name && folder ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof(uint32_t), PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) delay_us = mapped;
    close(fd);
}

static void wait_for_disk(void) {
    struct timespec left = {*delay_us / 1000000, (*delay_us % 1000000) * 1000L};
    while (nanosleep(&left, &left) != 0) continue;
}

static void on_path(const char *path) {
    if (delay_us && *delay_us && path && strncmp(path, folder, strlen(folder)) == 0) wait_for_disk();
}

static void on_file(int fd) {
    char link[40], path[4096];
    if (!delay_us || !*delay_us) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n > 0) { path[n] = 0; on_path(path); }
}

#define SLOW_FILE(result, name, params, args)                                   \
    result name params {                                                        \
        static result (*real) params;                                           \
        if (!real) real = (result (*) params)dlsym(RTLD_NEXT, #name);           \
        on_file(fd);                                                            \
        return real args;                                                       \
    }
#define SLOW_PATH(name, params, args, path)                                     \
    int name params {                                                           \
        static int (*real) params;                                              \
        if (!real) real = (int (*) params)dlsym(RTLD_NEXT, #name);              \
        on_path(path);                                                          \
        return real args;                                                       \
    }

SLOW_FILE(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n))
SLOW_FILE(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
SLOW_FILE(ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))
SLOW_FILE(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n))
SLOW_FILE(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
SLOW_FILE(ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
SLOW_FILE(ssize_t, writev, (int fd, const struct iovec *from, int n), (fd, from, n))
SLOW_FILE(int, fsync, (int fd), (fd))
SLOW_FILE(int, fdatasync, (int fd), (fd))
SLOW_PATH(rename, (const char *from, const char *to), (from, to), to)
SLOW_PATH(link, (const char *from, const char *to), (from, to), to)
SLOW_PATH(unlink, (const char *path), (path), path)
