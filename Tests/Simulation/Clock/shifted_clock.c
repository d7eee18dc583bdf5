/*
 * Clocks that tests move, for a program that is started with this library in LD_PRELOAD. (Debian's libfaketime and
 * redis-server's jemalloc do not start together: each needs the other first.)
 *
 * The file that SHIFTED_CLOCK names holds three 64-bit numbers. The first two are the wall clock: 0 and an offset in
 * nanoseconds, or 1 and the time itself in nanoseconds since 1970, at which the clock then stands still. The third is an
 * offset of CLOCK_BOOTTIME, as of a machine that a hypervisor has stopped for a while. CLOCK_MONOTONIC is left alone: it
 * drives event loops.
 */
#define _GNU_SOURCE
#include "include/shifted_clock.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *page;

__attribute__((constructor)) static void shifted_clock_open(void) {
    const char *path = getenv("SHIFTED_CLOCK");
    if (!path) return;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    void *found = mmap(NULL, 24, PROT_READ, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (found != MAP_FAILED) page = found;
}

static int64_t wall_nanoseconds(void) {
    struct timespec real;
    if (page && page[0] == 1) return page[1];
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
    return (int64_t)real.tv_sec * 1000000000 + real.tv_nsec + (page ? page[1] : 0);
}

int clock_gettime(clockid_t id, struct timespec *to) {
    if (page && id == CLOCK_BOOTTIME) {
        int code = (int)syscall(SYS_clock_gettime, id, to);
        int64_t shown = (int64_t)to->tv_sec * 1000000000 + to->tv_nsec + page[2];
        to->tv_sec = shown / 1000000000;
        to->tv_nsec = shown % 1000000000;
        return code;
    }
    if (!page || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return (int)syscall(SYS_clock_gettime, id, to);
    int64_t now = wall_nanoseconds();
    to->tv_sec = now / 1000000000;
    to->tv_nsec = now % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    (void)zone;
    int64_t now = wall_nanoseconds();
    to->tv_sec = now / 1000000000;
    to->tv_usec = now % 1000000000 / 1000;
    return 0;
}

time_t time(time_t *to) {
    time_t now = wall_nanoseconds() / 1000000000;
    if (to) *to = now;
    return now;
}
