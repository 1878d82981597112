/* ipcmk.c - make System V IPC objects
 *
 * toybox 0.8.9 has ipcs and ipcrm (both pending) but nothing that makes what
 * they list and remove. build.sh puts this file among toybox's own toys, so it
 * is one more name of the one binary instead of a second static program.
 * Options and output are those of util-linux.

USE_IPCMK(NEWTOY(ipcmk, ">0M#<1S#<1p:Q", TOYFLAG_USR|TOYFLAG_BIN))

config IPCMK
  bool "ipcmk"
  default n
  help
    usage: ipcmk [-M SIZE] [-S COUNT] [-Q] [-p MODE]

    Make System V IPC objects and print their ids.

    -M	Shared memory segment of SIZE bytes (suffixes k, m, g)
    -S	Semaphore array of COUNT semaphores
    -Q	Message queue
    -p	Permissions (octal, default 0644)
*/

#define FOR_ipcmk
#include "toys.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/sem.h>
#include <sys/msg.h>

GLOBALS(
  char *p;
  long S, M;
)

// A key of its own, not IPC_PRIVATE: others must be able to find the object.
static key_t new_key(void)
{
  int key = 0;

  while (key == IPC_PRIVATE) xgetrandom(&key, sizeof(key));

  return key;
}

static void made(int id, char *name, char *wish)
{
  if (id<0) perror_exit("create %s failed", wish);
  xprintf("%s id: %d\n", name, id);
}

void ipcmk_main(void)
{
  int mode = 0644;
  char *end;

  if (TT.p) {
    mode = strtol(TT.p, &end, 8);
    if (end==TT.p || *end || mode&~0777) error_exit("bad mode '%s'", TT.p);
  }
  if (!FLAG(M) && !FLAG(S) && !FLAG(Q)) help_exit("needs -M, -S or -Q");

  mode |= IPC_CREAT|IPC_EXCL;
  if (FLAG(M))
    made(shmget(new_key(), TT.M, mode), "Shared memory", "shared memory");
  if (FLAG(S))
    made(semget(new_key(), TT.S, mode), "Semaphore", "semaphore");
  if (FLAG(Q))
    made(msgget(new_key(), mode), "Message queue", "message queue");
}
