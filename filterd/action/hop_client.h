/*
 * hop_client - the client as the next hop is told of it by XFORWARD, and what a next hop lacks
 *
 * What is not known is not told; the client room knows nothing of core, so this is where the two
 * meet.
 */
#ifndef ACTION_HOP_CLIENT_H
#define ACTION_HOP_CLIENT_H

struct arena;
struct client;
struct hop_client;
struct hop_reply;

/* In the arena; it points into the client.  NULL: nothing is known that were worth telling. */
const struct hop_client *hop_client_make(struct arena *, const struct client *);

/* The refusal of mail that asks for an extension (hop_refuses_params()) which the next hop has not:
 * nothing is taken off silently (PITFALLS G1). */
void hop_missing_reply(const char *missing, struct arena *, struct hop_reply *);

#endif
