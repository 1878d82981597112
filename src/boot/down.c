/* The end of the machine. */
#include "boot/boot.h"

#include "kernel/k.h"

void boot_down(const struct supervise_end *end)
{
	static const unsigned commands[END_KINDS] = {
		[END_EXIT] = REBOOT_RESTART_, [END_HALT] = REBOOT_HALT_,
		[END_POWEROFF] = REBOOT_POWER_OFF_, [END_REBOOT] = REBOOT_RESTART_,
	};

	for (;;) {
		k_reboot(commands[end->kind]);
		k_poll(NULL, 0, 1000);
	}
}
