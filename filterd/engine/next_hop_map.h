/*
 * next_hop_map - the next hop a FILTER action means (filter_next_hop_maps)
 *
 * FILTER's argument is looked up whole in filter_next_hop_maps.  Not found: smtp: and lmtp: are
 * taken as written; any other transport is none of ours.
 */
#ifndef ENGINE_NEXT_HOP_MAP_H
#define ENGINE_NEXT_HOP_MAP_H

struct next_hop;
struct snap_listener;
struct transaction;

struct next_hop_map {
	struct transaction *txn;
	const struct snap_listener *listener;
};

/* A plan_filter_fn, arg a struct next_hop_map: 0, or -1. */
int next_hop_map_find(void *arg, const char *filter, struct next_hop *);

#endif
