#pragma once
/* The Linux calls that Swift's Glibc module lacks: GNU extensions, epoll, eventfd and variadic functions. */
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include "Child.h"
#include "Socket.h"
#include "Station.h"

/* accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC; -1 with errno. */
int clinux_accept(int listener, struct sockaddr *address, socklen_t *length);

/* The epoll word is always a 64-bit number here: (generation << 32 | slot), never a pointer. */
int clinux_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t word);
static inline uint64_t clinux_epoll_word(const struct epoll_event *event) { return event->data.u64; }

/* pthread_setname_np(3) on the calling thread; longer names are cut at 15 bytes. */
void clinux_name_this_thread(const char *name);

/* Binds the calling thread to one CPU of those it may run on (index modulo their count); 0 or an errno. */
int clinux_pin_this_thread(int index);

/* The number of CPUs the process may run on, at least 1. */
int clinux_cpu_count(void);

/* prctl(PR_SET_PDEATHSIG): the signal this process gets when its parent dies; -1 with errno. */
int clinux_signal_on_parent_death(int signal);

/* Nanoseconds of CPU time of the calling thread, or of the process. */
int64_t clinux_thread_cpu_nanoseconds(void);
int64_t clinux_process_cpu_nanoseconds(void);

/* CLOCK_BOOTTIME in nanoseconds: monotonic, and it goes on through a suspend. */
int64_t clinux_boot_nanoseconds(void);

/* Starts a program (looked up in PATH unless it has a slash) as the leader of a session of its own, in `folder` unless that
   is NULL, with these three descriptors as its standard streams and no other one; every signal has its default action there
   and none is blocked. 0 or an errno. */
int clinux_spawn_session(
    pid_t *child, const char *program, char *const arguments[], char *const environment[], const char *folder,
    int input, int output, int errors);

/* pidfd_open(2): readable once the process has ended; -1 with errno. */
int clinux_open_process(pid_t process);

/* waitid(2) that reports an end of our own child and leaves it to be reaped: 1 ended, 0 not yet, -1 with errno. */
int clinux_has_ended(pid_t child);

/* Gives the pages of machine code and constants back that the program and its libraries have read in so far: what is needed
   again comes from the page cache. Returns how many bytes of mappings that were. */
uint64_t clinux_forget_file_pages(void);
