/*
 * Records between the two sides of a walk, and to the supervisor: which needs this all the time, and of
 * the walker nothing else.
 */
#include "apply/channel.h"

#include <errno.h>

#include "apply/step.h"
#include "base/text.h"
#include "kernel/k.h"

int channel_send(struct walk *w, enum record_kind kind, int code, int value, const char *text,
		 int pass)
{
	struct record r = {.kind = kind, .step = (int32_t)w->at, .code = code, .value = value};

	text_format(r.text, sizeof r.text, "%s", text);
	if (w->told && w->told->n < sizeof w->told->record / sizeof r) {
		w->told->record[w->told->n++] = r;
		return 0;
	}
	return k_send(w->channel, &r, sizeof r, pass) == (long)sizeof r ? 0 : -1;
}

int channel_receive(int channel, struct record *r, int *passed, int wait)
{
	long n;

	do
		n = k_receive(channel, r, sizeof *r, passed, wait);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	/* Nothing that a child sends is believed: a record is whole or it is none. */
	if (n != (long)sizeof *r)
		return 0;
	r->text[sizeof r->text - 1] = '\0';
	for (char *c = r->text; *c; c++)
		if ((unsigned char)*c < 0x20)
			*c = '?';
	return 1;
}
