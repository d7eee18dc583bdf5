#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int clinux_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t word) {
    struct epoll_event event = {.events = events, .data = {.u64 = word}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

void clinux_name_this_thread(const char *name) {
    char cut[16] = {0}; /* the kernel's limit, its terminating zero included */
    strncpy(cut, name, sizeof cut - 1);
    pthread_setname_np(pthread_self(), cut);
}

int clinux_pin_this_thread(int index) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return errno;
    int count = CPU_COUNT(&allowed);
    if (count <= 0) return EINVAL;
    int wanted = index % count;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        if (wanted-- > 0) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    }
    return EINVAL;
}

int clinux_cpu_count(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    int count = CPU_COUNT(&allowed);
    return count > 0 ? count : 1;
}

int clinux_signal_on_parent_death(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clinux_thread_cpu_nanoseconds(void) { return nanoseconds(CLOCK_THREAD_CPUTIME_ID); }
int64_t clinux_process_cpu_nanoseconds(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }
int64_t clinux_boot_nanoseconds(void) { return nanoseconds(CLOCK_BOOTTIME); }

int clinux_spawn_session(
    pid_t *child, const char *program, char *const arguments[], char *const environment[], const char *folder,
    int input, int output, int errors) {
    /* Beyond the standard streams, so that putting one in its place cannot overwrite another. */
    int streams[3] = {-1, -1, -1};
    const int given[3] = {input, output, errors};
    int code = 0;
    for (int index = 0; index < 3 && code == 0; index++) {
        streams[index] = fcntl(given[index], F_DUPFD_CLOEXEC, 3);
        if (streams[index] < 0) code = errno;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (int index = 0; index < 3 && code == 0; index++) {
        code = posix_spawn_file_actions_adddup2(&actions, streams[index], index);
    }
    if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (code == 0 && folder) code = posix_spawn_file_actions_addchdir_np(&actions, folder);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (code == 0) code = posix_spawnp(child, program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    for (int index = 0; index < 3; index++) {
        if (streams[index] >= 0) close(streams[index]);
    }
    return code;
}

int clinux_open_process(pid_t process) { return pidfd_open(process, 0); }

int clinux_has_ended(pid_t child) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int code;
    do {
        code = waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (code != 0 && errno == EINTR);
    if (code != 0) return -1;
    return info.si_pid == child ? 1 : 0;
}

static int forget_file_pages_of(struct dl_phdr_info *object, size_t size, void *sum) {
    (void)size;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    /* The kernel's own page of code is no file. */
    if (strstr(object->dlpi_name, "vdso")) return 0;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[index];
        /* Only what nobody writes to is in the file as it is in memory. */
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W)) continue;
        uintptr_t start = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t end = (object->dlpi_addr + part->p_vaddr + part->p_filesz) & ~(page - 1);
        if (start < end && madvise((void *)start, end - start, MADV_DONTNEED) == 0) *(uint64_t *)sum += end - start;
    }
    return 0;
}

uint64_t clinux_forget_file_pages(void) {
    uint64_t sum = 0;
    dl_iterate_phdr(forget_file_pages_of, &sum);
    return sum;
}
