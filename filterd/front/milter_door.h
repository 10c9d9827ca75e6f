/*
 * milter_door - one connection of an MTA that speaks the milter protocol (private to front/)
 *
 * Packets are served as they come and their replies leave together, before the next wait.  A
 * connection that waits for the MTA has no thread and no buffers, in the midst of a message too.
 * While the end of a message takes long, the doors' once-a-second thread says PROGRESS.
 */
#ifndef FRONT_MILTER_DOOR_H
#define FRONT_MILTER_DOOR_H

#include <stddef.h>
#include <sys/socket.h>

struct doors;
struct front_session;
struct milter_world;

/* What sessions need of the doors; filled once, as long-lived as they are. */
void milter_door_world(struct doors *, struct milter_world *);
struct front_session *milter_door_new(
    struct doors *, int fd, size_t listener_index, const struct sockaddr_storage *peer);

#endif
