#define _GNU_SOURCE
#include "Child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

static int begin(pid_t *id, char *const words[], char *const environment[], int output,
                 posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int code = 0;
    if ((code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)) != 0 ||
        (code = posix_spawn_file_actions_adddup2(actions, output, 1)) != 0 ||
        (code = posix_spawn_file_actions_adddup2(actions, output, 2)) != 0 ||
        (code = posix_spawn_file_actions_addclosefrom_np(actions, 3)) != 0 ||
        (code = posix_spawnattr_setsigdefault(attributes, &all)) != 0 ||
        (code = posix_spawnattr_setsigmask(attributes, &none)) != 0)
        return code;
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID;
    if ((code = posix_spawnattr_setflags(attributes, flags)) != 0) return code;
    return posix_spawnp(id, words[0], actions, attributes, words, environment);
}

int clinux_spawn_hook(pid_t *id, char *const words[], char *const environment[], int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) return code;
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code = begin(id, words, environment, output, &actions, &attributes);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int clinux_output_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    /* Only the reader's end: the children share the other one, and would not expect it. */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}
