#ifndef COUNTED_MEMORY_H
#define COUNTED_MEMORY_H

/* How often the calling thread has asked for memory since it began. */
unsigned long counted_allocations(void);

#endif
