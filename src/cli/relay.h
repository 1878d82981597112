/* A terminal relayed to the pty of a sandbox. */
#ifndef HUTCH_RELAY_H
#define HUTCH_RELAY_H

#include <poll.h>
#include <stddef.h>

struct relay {
	int master;		/* the pty's other end, or -1 */
	int raw;		/* the terminal's mode was changed */
	int input_done;
	size_t npending;	/* bytes that were typed and not yet taken by the pty */
};

/* Takes the pty over; the terminal goes raw, so that its keys act inside. */
void relay_start(struct relay *r, int master);

/* Fills two poll entries: the pty, the keyboard. */
void relay_poll(const struct relay *r, struct pollfd fds[2]);

/* Moves what the poll found. */
void relay_move(struct relay *r, const struct pollfd fds[2]);

/* The terminal's new size. */
void relay_resize(struct relay *r);

/* Prints what is left and gives the terminal back. */
void relay_end(struct relay *r);

#endif
