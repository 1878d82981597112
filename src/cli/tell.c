/* Lines for --status-fd, see tell.h. */
#include "cli/tell.h"

#include "base/out.h"
#include "cli/cli.h"
#include "kernel/k.h"

void tell_event(int status_fd, const char *event, const char *key, int value)
{
	char text[128];
	struct out o;

	if (status_fd < 0)
		return;
	out_init(&o, text, sizeof text);
	out_printf(&o, "{\"event\":\"%s\",\"%s\":%d}\n", event, key, value);
	k_write(status_fd, o.text, o.used);
}

void tell_failed(int status_fd, const struct err *e, const char *name, const char *message)
{
	if (status_fd < 0)
		return;
	out_printf(&cli_out, "{\"event\":\"failed\",\"step\":%d,\"name\":\"%s\",\"errno\":%d,\"error\":", e->step + 1,
		   name, e->code);
	out_json(&cli_out, message ? message : "");
	out_put(&cli_out, "}\n");
	cli_flush(status_fd);
}
