/*
 * hop_client - the client as the next hop is told of it by XFORWARD
 *
 * What is not known is not told; the client room knows nothing of core, so this is where the two
 * meet.
 */
#ifndef ACTION_HOP_CLIENT_H
#define ACTION_HOP_CLIENT_H

struct arena;
struct client;
struct hop_client;

/* In the arena; it points into the client.  NULL: nothing is known that were worth telling. */
const struct hop_client *hop_client_make(struct arena *, const struct client *);

#endif
