/* What the sweeps over launches and over a supervisor build their place with. */
#ifndef TESTS_FAULT_PLACE_H
#define TESTS_FAULT_PLACE_H

#include <stddef.h>

#define W "/run/w"	/* where all of it is: in memory of the sweep's own namespace */

_Noreturn void die(const char *what);	/* with errno; ends the whole sweep */
long now_ms(void);
void put_file(const char *path, const char *text, size_t n, unsigned access);
void copy_file(const char *dir, const char *name, const char *to);	/* a program of DIR */

#endif
