/* What outlives the program, see keep.h. */
#include "supervise/keep.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "base/text.h"
#include "kernel/k.h"
#include "supervise/answer.h"

/*
 * Where everything lies in the file, on every machine, whatever a page is. What is not touched costs
 * nothing. born is the only part that children have too, and is alone on its pages. There were
 * fewer places once: those that came later lie behind all rings.
 */
enum {
	KEPT_VERSION = 1, MAGIC = 0x68757463,
	CONTROL_AT = 512, LOG_AT = 768, LOG_END = 2560, SUPERVISOR_AT = 4096, SUPERVISOR_ROOM = 8192,
	CLIENTS_AT = 16384,
	FIRST_SERVICES = 1024, MORE_SERVICES = SERVICES - FIRST_SERVICES,
	SERVICES_AT = 128 << 10, EVENTS_AT = 1152 << 10, EVENTS_ROOM = 16 << 10,
	BORN_AT = 1216 << 10, BORN_ROOM = 64 << 10, SIZE = BORN_AT + BORN_ROOM,
	RINGS_AT = 2 << 20, RING_ROOM = 16 << 20,
	MORE_AT = 2 + 16 * SERVICES,	/* MiB */
};

/* A part: `size` is what a program knows of an element, the rest of `room` is zero. */
struct part {
	uint32_t at, size, room, count;
};

#ifdef HUTCH_BEFORE	/* in tests: the state as it was when there were fewer places */
#define PLACES 1024
#else
#define PLACES 4096
#endif

static const struct part parts[] = {
	{CONTROL_AT, offsetof(struct control_state, behind), LOG_AT - CONTROL_AT, 1},
	{LOG_AT, offsetof(struct log_state, behind), LOG_END - LOG_AT, 1},
	{SUPERVISOR_AT, offsetof(struct supervisor, behind), SUPERVISOR_ROOM, 1},
	{CLIENTS_AT, offsetof(struct client, behind), sizeof(struct client), CLIENTS},
	{SERVICES_AT, offsetof(struct service, behind), sizeof(struct service), FIRST_SERVICES},
	{EVENTS_AT, EVENTS_ROOM, EVENTS_ROOM, 1},
	{BORN_AT, sizeof(int), sizeof(int), PLACES},
	{RINGS_AT, RING_ROOM, RING_ROOM, PLACES},
#ifndef HUTCH_BEFORE
	{MORE_AT, offsetof(struct service, behind), sizeof(struct service), MORE_SERVICES},
#endif
};
enum { PARTS = sizeof parts / sizeof *parts, FIRST_PARTS = 8 };

/* In memory the places are in one row. */
enum { MORE_SIZE = MORE_SERVICES * sizeof(struct service), MEMORY = SIZE + MORE_SIZE };
#define FILE_SIZE (RINGS_AT + (off_t)PLACES * RING_ROOM + (PLACES > 1024 ? MORE_SIZE : 0))

_Static_assert(PARTS == FIRST_PARTS || PLACES == SERVICES, "SERVICES has changed: so has the file");
_Static_assert(offsetof(struct control_state, behind) <= LOG_AT - CONTROL_AT &&
	       offsetof(struct log_state, behind) <= LOG_END - LOG_AT &&
	       offsetof(struct supervisor, behind) <= SUPERVISOR_ROOM &&
	       CLIENTS_AT + CLIENTS * sizeof(struct client) <= SERVICES_AT &&
	       SERVICES_AT + FIRST_SERVICES * sizeof(struct service) == EVENTS_AT &&
	       SERVICES * sizeof(int) <= BORN_ROOM, "a part has no room");

static struct head {
	uint32_t magic, version;	/* of another byte order: another number */
	uint16_t word, machine;		/* bytes of a pointer; e_machine of ELF */
	uint32_t nparts;
	struct part part[PARTS];
} *head;
static int memfd = -1;

_Static_assert(sizeof(struct head) <= CONTROL_AT, "the head has no room");

/* For which machine this program is: emulators would run one for another. */
static uint16_t machine(void)
{
	extern const char __executable_start[];
	uint16_t machine;

	memcpy(&machine, __executable_start + 18, sizeof machine);
	return machine;
}

/* Where in this program's memory the parts are. */
static struct supervisor *place(char *base)
{
	struct supervisor *s = (struct supervisor *)(void *)(base + SUPERVISOR_AT);

	head = (struct head *)(void *)base;
	s->control = (struct control_state *)(void *)(base + CONTROL_AT);
	s->log = (struct log_state *)(void *)(base + LOG_AT);
	s->client = (struct client *)(void *)(base + CLIENTS_AT);
	s->service = (struct service *)(void *)(base + SERVICES_AT);
	s->born = (int *)(void *)(base + MORE_SIZE + BORN_AT);
	s->events.memory = base + MORE_SIZE + EVENTS_AT;
	s->turn = k_memory(sizeof *s->turn, 0);
	if (!s->turn)
		return NULL;
	/* No child gets any of it: neither other services' output nor a copy to pay for. */
	if (k_madvise(s->turn, sizeof *s->turn, MADV_WIPEONFORK))
		k_madvise(s->turn, sizeof *s->turn, MADV_DONTFORK);
	else
		s->turn->mine = 1;
	k_madvise(base, MORE_SIZE + BORN_AT, MADV_DONTFORK);
	place_begin(s);
	return s;
}

char *keep_memory(const char *name, size_t size, int *fd)
{
	char *memory = NULL;

	/* Twice: what is not kept is lost with the next crash, whatever failed only now. */
	for (int tries = 0; tries < 2 && !memory; tries++) {
		*fd = k_memfd(name, 0);
		if (*fd >= 0 && !k_resize(*fd, (off_t)size))
			memory = k_map(*fd, size, 0, MAP_SHARED);
		if (!memory)
			k_drop(fd);
	}
	return memory ? memory : k_memory(size, 1);
}

/* All of the state but the rings. NULL with errno. */
static char *map(int fd, int flags)
{
	static const struct {
		size_t to, size;
		off_t at;
	} pieces[] = {
		{0, EVENTS_AT, 0}, {MORE_SIZE + EVENTS_AT, SIZE - EVENTS_AT, EVENTS_AT},
		{EVENTS_AT, MORE_SIZE, (off_t)MORE_AT << 20},
	};
	char *base = k_memory(MEMORY, 1);

	for (unsigned i = 0; base && i < sizeof pieces / sizeof *pieces - (PLACES == 1024); i++)
		if (!k_map_to(base + pieces[i].to, fd, pieces[i].size, pieces[i].at, flags)) {
			k_forget(base, MEMORY);
			base = NULL;
		}
	return base;
}

static void begin(struct supervisor *s)
{
	*head = (struct head){.magic = MAGIC, .version = KEPT_VERSION, .word = sizeof(void *),
			      .machine = machine(), .nparts = PARTS};
	memcpy(head->part, parts, sizeof parts);
	ring_init(&s->events, s->events.memory, EVENTS_ROOM);
	for (int i = 0; i < LOG_TARGETS; i++)
		s->log->target[i].fd = -1;
	for (int i = 0; i < IMAGES; i++)
		s->images[i].texts = -1;
	s->in_force = IMAGES;
	s->control->listener = s->signals = s->exe = s->upgrade.exe = s->upgrade.words = -1;
}

struct supervisor *keep_new(void)
{
	static char *base;
	struct supervisor *s;

	/* PID 1 may begin more than once. */
	if (base)
		k_madvise(base, MEMORY, MADV_REMOVE);
	/* Twice, as with keep_memory. All rings have their place in it; nobody has that much memory, nor is it taken. */
	for (int tries = 0; tries < 2 && !base; tries++) {
		memfd = k_memfd("hutch-state", 0);
		if (memfd >= 0 && !k_resize(memfd, FILE_SIZE))
			base = map(memfd, MAP_SHARED);
		if (!base)
			k_drop(&memfd);
	}
	if (!base)
		base = k_memory(MEMORY, 1);
	s = base ? place(base) : NULL;
	if (s)
		begin(s);
	return s;
}

/* NULL, or what is wrong with it. Never trust: it may be a file of anybody's. */
static const char *wrong_head(const struct head *h)
{
	if (h->magic != MAGIC || h->word != sizeof(void *) || h->machine != machine())
		return PACKED("no state of a supervisor on such a machine");
	if (h->version > KEPT_VERSION || h->nparts > PARTS)
		return PACKED("the state is of a newer hutch");
	if (h->nparts < FIRST_PARTS)
		return PACKED("the state lacks something");
	for (unsigned i = 0; i < h->nparts; i++) {
		const struct part *p = &parts[i], *q = &h->part[i];

		if (q->at != p->at || q->room != p->room)
			return PACKED("the state lies otherwise");
		if (q->size > p->size || q->count > p->count)
			return PACKED("the state is of a newer hutch");
	}
	return NULL;
}

static int bad_fd(int fd)
{
	return fd < -1;
}

/* What would lead anywhere else than into the state. */
static const char *wrong_state(const struct supervisor *s)
{
	if (s->places > SERVICES || s->in_force > IMAGES || s->events.size != EVENTS_ROOM)
		return PACKED("the state is broken");
	for (const struct service *v = s->service; v < s->service + s->places; v++) {
		const struct ring *r = &v->ring;

		if (!v->conf)
			continue;
#ifdef HUTCH_NEXT
		if (v->later)
			return PACKED("a field is not zero of which nobody has known");
#endif
		if (v->state >= STATES || v->slot >= IMAGES || v->next_slot >= IMAGES ||
		    (r->size & (r->size - 1)) || r->size > RING_ROOM || r->head - r->tail > r->size ||
		    bad_fd(v->log[0]) || v->pid < 0 || v->launcher < 0)
			return PACKED("the state is broken");
	}
	return NULL;
}

struct supervisor *keep_open(int fd, int flags, char why[160])
{
	struct k_stat st;
	struct supervisor *s = NULL;
	const char *wrong = NULL;
	char *base = NULL;

	/* Who only looks finds no more places than there are. */
	if (!k_fstat(fd, STATX_SIZE_, &st) && st.size >= SIZE &&
	    (flags == MAP_PRIVATE || st.size >= FILE_SIZE || !k_resize(fd, FILE_SIZE)))
		base = map(fd, flags);
	if (!base)
		wrong = PACKED("the state cannot be read");
	else
		wrong = wrong_head((const struct head *)(const void *)base);
	if (!wrong && !(s = place(base)))
		wrong = PACKED("no memory");
	if (!wrong)
		wrong = wrong_state(s);
	if (wrong) {
		text_format(why, 160, "%s", wrong);
		if (base)
			k_forget(base, MEMORY);
		return NULL;
	}
	s->image = s->new_image = NULL;
	/* What this program knows more of was zero until now, and is its own from here on. */
	memcpy(head->part, parts, sizeof parts);
	head->nparts = PARTS;
	head->version = KEPT_VERSION;
	memfd = fd;
	return s;
}

int keep_fd(void)
{
	return memfd;
}

static void each_service(struct service *v, void (*fn)(int *fd))
{
	int *const fds[] = {&v->report, &v->channel, &v->notify, &v->ready, &v->log[0], &v->log[1]};

	for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
		fn(fds[i]);
	for (int i = 0; i < LISTENS; i++)
		fn(&v->listen[i]);
}

void keep_each(struct supervisor *s, void (*fn)(int *fd))
{
	fn(&memfd);
	fn(&s->exe);
	fn(&s->upgrade.exe);
	fn(&s->control->listener);
	if (s->watchdog.fd > 0)
		fn(&s->watchdog.fd);
	for (int i = 0; i < IMAGES; i++)
		fn(&s->images[i].texts);
	for (int i = 0; i < LOG_TARGETS; i++)
		fn(&s->log->target[i].fd);
	for (struct client *c = NULL; (c = client_next(s, c));)
		fn(&c->fd);
	for (unsigned i = 0; i < s->places && i < SERVICES; i++)
		if (s->service[i].conf)
			each_service(&s->service[i], fn);
}

char *keep_ring(unsigned i, size_t size)
{
	char *memory = memfd < 0 ? k_memory(size, 0)
		: k_map(memfd, size, RINGS_AT + (off_t)i * RING_ROOM, MAP_SHARED);

	if (memory)
		k_madvise(memory, size, MADV_DONTFORK);
	return memory;
}

void keep_ring_forget(struct ring *r)
{
	if (!r->memory)
		return;
	if (memfd >= 0)
		k_madvise(r->memory, r->size, MADV_REMOVE);
	k_forget(r->memory, r->size);
	r->memory = NULL;
}
