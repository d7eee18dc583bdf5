#ifndef SHIFTED_CLOCK_H
#define SHIFTED_CLOCK_H

/* Nothing to call: the library is loaded into another program (LD_PRELOAD) and takes the place of its wall clock. */

#endif
