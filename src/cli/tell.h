/* What a script hears of a launch: lines of JSON for --status-fd. */
#ifndef HUTCH_CLI_TELL_H
#define HUTCH_CLI_TELL_H

#include "base/err.h"

/* An event with a number; status_fd may be -1. */
void tell_event(int status_fd, const char *event, const char *key, int value);

/* It failed in the step of this name, "" where there is none; the message is what people are told, or NULL. */
void tell_failed(int status_fd, const struct err *e, const char *name, const char *message);

#endif
