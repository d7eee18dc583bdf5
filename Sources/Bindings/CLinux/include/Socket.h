#pragma once
/* recv(2) and send(2) without the C library's points of cancellation, which cost each call of a program with threads two
   atomic operations; nobody cancels threads here. -1 with errno. */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#if defined(__x86_64__)

static inline ssize_t clinux_socket_call(
    long call, long descriptor, const void *bytes, size_t count, long flags) {
    register long flags_register __asm__("r10") = flags;
    register long address __asm__("r8") = 0;
    register long length __asm__("r9") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(call), "D"(descriptor), "S"(bytes), "d"(count), "r"(flags_register), "r"(address),
                       "r"(length)
                     : "rcx", "r11", "memory");
    if (result >= 0) return result;
    errno = (int)-result;
    return -1;
}

static inline ssize_t clinux_receive(int descriptor, void *bytes, size_t count, int flags) {
    return clinux_socket_call(SYS_recvfrom, descriptor, bytes, count, flags);
}

static inline ssize_t clinux_send(int descriptor, const void *bytes, size_t count, int flags) {
    return clinux_socket_call(SYS_sendto, descriptor, bytes, count, flags);
}

#else

static inline ssize_t clinux_receive(int descriptor, void *bytes, size_t count, int flags) {
    return recv(descriptor, bytes, count, flags);
}

static inline ssize_t clinux_send(int descriptor, const void *bytes, size_t count, int flags) {
    return send(descriptor, bytes, count, flags);
}

#endif
