/* Rights that a step needs on its way. */
#ifndef HUTCH_RIGHTS_H
#define HUTCH_RIGHTS_H

/* Makes every permitted capability effective, until the payload's own are set. */
int caps_raise(void);

#endif
