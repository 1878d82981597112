/*
 * Where the part of the program begins that a supervisor needs all the time: its code and its constants.
 * The Makefile links this file in front of the others of that part.
 */
#ifndef HUTCH_HOT_H
#define HUTCH_HOT_H

extern const char hot_data[1];
void hot_text(void);

#endif
