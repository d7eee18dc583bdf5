#pragma once
/* Children in a session of their own, which GNU's additions to posix_spawn(3) make possible. */
#include <sys/types.h>

/* Starts words[0], looked up in PATH, as the leader of a new session: standard input is empty, both outputs go to the
   descriptor `output`, everything else is closed, all signals are at their defaults. 0 or an errno. */
int clinux_spawn_hook(pid_t *id, char *const words[], char *const environment[], int output);

/* A pipe that no child inherits, whose reading end does not block; -1 with errno. */
int clinux_output_pipe(int ends[2]);
