#ifndef CDASHBOARD_H
#define CDASHBOARD_H

#include <stddef.h>

/// A file that is part of the program: the dashboard's, and the API's description.
typedef struct {
    const char *path;
    const char *type;
    const unsigned char *bytes;
    size_t size;
} cdashboard_file_t;

/// How many files there are.
size_t cdashboard_count(void);

/// The file with a number below the count.
cdashboard_file_t cdashboard_file(size_t index);

#endif
