#define _GNU_SOURCE
#include "Child.h"

#include <fcntl.h>
#include <unistd.h>

int clinux_output_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    /* Only the reader's end: the children share the other one, and would not expect it. */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}
