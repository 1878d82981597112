/* The table of states, packed and printed; see state.h. */
#include "service/state.h"

const char *const state_names[STATES] = {
#define STATE(id, name, help) name,
#include "service/states.def"
};

const char *const event_names[EVENTS] = {
#define EVENT(id, name, help) name,
#include "service/states.def"
};

static const char *const action_names[ACTIONS] = {
#define ACTION(id, name, help) name,
#include "service/states.def"
};

/* A cell is a byte: the next state and the action, or one of these. */
enum { CELL_STAY = 0xff, CELL_NEVER = 0xfe };
_Static_assert(STATES <= 15 && ACTIONS <= 16, "a cell is a byte");

#define GO(next, action) (uint8_t)(STATE_##next << 4 | ACTION_##action)
#define STAY CELL_STAY
#define NEVER CELL_NEVER
/* A row with a hole, or with one cell too many, does not compile. */
#define ROW(id, a, b, c, d, e, f, g, h, i, j, k, l, m) \
	[STATE_##id] = {a, b, c, d, e, f, g, h, i, j, k, l, m},
_Static_assert(EVENTS == 13, "ROW has a cell for each event");

static const uint8_t table[STATES][EVENTS] = {
#include "service/states.def"
};

struct move state_move(enum state now, enum event event)
{
	uint8_t cell = table[now][event];

	if (cell >= CELL_NEVER)
		return (struct move){(uint8_t)now, ACTION_NOTHING, cell == CELL_STAY};
	return (struct move){cell >> 4, cell & 15, 1};
}

int state_lives(enum state s)
{
	return s == STATE_BUILDING || s == STATE_STARTING || s == STATE_UP ||
	       s == STATE_STOPPING || s == STATE_KILLING;
}

int state_passes(enum state s)
{
	return s == STATE_BLOCKED || (state_lives(s) && s != STATE_UP) || s == STATE_ENDED;
}

void states_print(struct out *o)
{
	out_put(o, "digraph states {\n\tnode [shape=box];\n");
	for (int state = 0; state < STATES; state++)
		for (int event = 0; event < EVENTS; event++) {
			struct move m = state_move(state, event);

			if (table[state][event] < CELL_NEVER)
				out_printf(o, "\t%s -> %s [label=\"%s%s%s\"];\n", state_names[state],
					   state_names[m.next], event_names[event],
					   m.action ? " / " : "", action_names[m.action]);
		}
	out_put(o, "}\n");
}
