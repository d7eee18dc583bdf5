#pragma once

/* A pipe that no child inherits, whose reading end does not block; -1 with errno. */
int clinux_output_pipe(int ends[2]);
