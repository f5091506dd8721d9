/*
 * Hash tables: one keyed by text, one keyed by a number.  Values are pointers,
 * never NULL.  Open addressing, doubling at three quarters full; text keys are
 * copied and hashed with a seed of the table, so that no stranger can choose
 * keys that collide.
 */
#ifndef AMAS__MAP_H
#define AMAS__MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct amas__map_slot;

struct amas__map {
	struct amas__map_slot *slots;
	size_t n, cap;		/* entries; slots, a power of two or 0 */
	size_t used;		/* entries and tombstones */
	bool counted;		/* numbers are ours, one after the other */
	uint64_t seed[2];
};

/* counted: for numbers that nobody else chooses, which are not hashed. */
void amas__map_init(struct amas__map *m);
void amas__map_init_counted(struct amas__map *m);
void amas__map_fini(struct amas__map *m);

/* By text: set replaces; take removes and returns.  Set: 0 or AMAS_ENOMEM. */
int amas__map_set(struct amas__map *m, const char *key, size_t len, void *v);
void *amas__map_get(const struct amas__map *m, const char *key, size_t len);
void *amas__map_take(struct amas__map *m, const char *key, size_t len);

/* By number; a table is used with one kind of key only. */
int amas__map_set_id(struct amas__map *m, uint64_t id, void *v);
void *amas__map_get_id(const struct amas__map *m, uint64_t id);
void *amas__map_take_id(struct amas__map *m, uint64_t id);

/*
 * Walks the entries in no order: start with *i == 0, ends with NULL.  key and
 * len, NULL allowed, are for tables keyed by text.
 */
void *amas__map_next(const struct amas__map *m, size_t *i, const char **key,
    size_t *len);

/* Keyed hash of bytes (SipHash-1-3). */
uint64_t amas__hash(const uint64_t seed[2], const void *data, size_t len);

/* Fills a seed with random bits. */
void amas__hash_seed(uint64_t seed[2]);

#endif
