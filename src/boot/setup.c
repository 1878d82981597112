/* What init.conf asks of the machine, done in a process that may hang and fail; see machine_setup. */
#include "boot/boot.h"

void boot_setup(const struct machine_conf *m, struct setup_report *to)
{
	(void)m;
	(void)to;
}
