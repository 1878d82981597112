/*
 * The readers and printers of values, one pair per type; see types.def. Private
 * to this floor.
 */
#ifndef HUTCH_PROFILE_TYPES_H
#define HUTCH_PROFILE_TYPES_H

#include "profile/profile.h"

struct value {
	struct profile_reader *r;
	const struct key *key;
	void *field;
	const char *suffix;	/* of a key that takes a name: rlimit.NAME */
	struct words w;
};

#define TYPE(name)                                     \
	void read_##name(struct value *v);             \
	void print_##name(const struct profile *p, const struct key *key, \
			  const void *field, struct out *o);
#include "profile/types.def"
#undef TYPE

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* Reports about word number i of the value (-1: the whole value). */
void value_wrong(struct value *v, int i, const char *format, ...);
#define value_wrong(v, i, format, ...) \
	value_wrong(v, i, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

/* Word i (-1: what stands behind the key's dot) is none of `names`: says so, with the nearest one. */
void value_unknown(struct value *v, int i, const char *what,
		   const char *const *names, int n);

/* The key with this suffix was written at `first` already: says so. */
void value_twice(struct value *v, struct origin first);

/* The value must have between min and max words; says so and returns 0 if not. */
int value_count(struct value *v, int min, int max);

/* The words of the value, each the name of a bit, as the set of these at v->field; reports others. */
void value_bits(struct value *v, const char *what, const char *const *names, int n);

/* Appends an element to the list at v->field; NULL (reported) when there is no room. */
struct item *value_item(struct value *v);

/*
 * Word i as a time of `least` to `most` milliseconds; -1 (reported) when it is none.
 * No time of a service is longer than 45 days, so that 32 bits hold it.
 */
#define SERVICE_TIME (45ull * 86400000)
int value_time(struct value *v, int i, uint64_t least, uint64_t most, uint64_t *to);

/* The one path, checked; NULL (reported) when wrong. */
const char *value_path(struct value *v, int i);

/* The rules between keys, see rules.c. */
void profile_rules(struct profile_reader *r);

/* MIN..MAX of a syntax. */
void value_range(const char *syntax, int64_t *min, int64_t *max);

/* Prints every element of a list key as `word=...` lines of its own. */
void print_key_line(const struct key *key, struct out *o);

#endif
