/* What the payloads' words and the tools have in common. */
#ifndef TESTS_SUPERVISE_PROBE_H
#define TESTS_SUPERVISE_PROBE_H

#include <sys/un.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

long long now_ms(void);
void pause_ms(long ms);
void for_ever(void);
int die(const char *what);	/* with errno; ends with 99 */

/* The address of a path, or with @ in front an abstract one; its length. */
unsigned fill(struct sockaddr_un *to, const char *path);
void do_notify(const char *text);	/* to $NOTIFY_SOCKET */

/* load.c: a program that hutch is told to become, and that is none; returns when it is not that. */
void pretend(int argc, char **argv);
int tool_hammer(char **word);
int tool_wreck(char **word);
int tool_poke(char **word);
int tool_without(char **word);
int tool_steps(char **word);
int tool_hold(char **word);
int tool_strike(char **word);

/* A tool by the first word: its status; -1: there is no such tool. */
int tool(int argc, char **argv);

#endif
