/*
 * Who waits for which descriptor (front/doors.h).
 *
 * Every descriptor is in the epoll set once, edge triggered, for as long as it is open: a wait
 * costs no call of the kernel's.  So an event may come while nobody waits; it is kept in the
 * descriptor's slot and ends the next wait at once.  And it may come late, to a descriptor that is
 * another one by then; so whoever is woken may be woken for nothing (net/fiber.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/xmem.h"
#include "front/doors.h"
#include "net/fiber.h"

/* What a side of a slot holds besides a session that waits. */
#define NOBODY ((uintptr_t)0)
#define READY  ((uintptr_t)1)

#define SLOTS_MAX ((size_t)1 << 20)

enum side { SIDE_READ, SIDE_WRITE };

struct watch_slot {
	_Atomic uintptr_t side[2];
	_Atomic int hung_up; /* the peer sends no more; about this descriptor or an earlier one */
};

int
watch_start(struct doors *d)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) == -1)
		return -1;
	d->nslots = most.rlim_cur < SLOTS_MAX ? (size_t)most.rlim_cur : SLOTS_MAX;
	/* Mapped, and touched only as far as descriptors go. */
	d->slots = xcalloc(d->nslots, sizeof(*d->slots));
	return 0;
}

/* Tell the kernel of a descriptor, or that it is about writing too.  Most never wait to write. */
static int
tell(struct doors *d, struct net_watch *w, int for_write)
{
	unsigned want = w->known | EPOLLET | EPOLLIN | EPOLLRDHUP | (for_write ? EPOLLOUT : 0u);
	struct epoll_event e = { .events = want, .data.u64 = (uint64_t)w->fd };
	int rc;

	if (w->known == want)
		return 0;
	if ((size_t)w->fd >= d->nslots) {
		errno = EMFILE;
		return -1;
	}
	if (w->known == 0)
		atomic_store(&d->slots[w->fd].hung_up, 0);
	rc = w->known == 0 ? epoll_ctl(d->epoll, EPOLL_CTL_ADD, w->fd, &e) : -1;
	/* A connection is told of once while it is made, and once as a stream. */
	if (rc == -1 && (w->known != 0 || errno == EEXIST))
		rc = epoll_ctl(d->epoll, EPOLL_CTL_MOD, w->fd, &e);
	if (rc == 0)
		w->known = want;
	return rc;
}

int
watch_wait(struct doors *d, struct front_session *s)
{
	uintptr_t was = NOBODY;
	_Atomic uintptr_t *side;

	if (tell(d, s->watch, s->wait_write) == -1) {
		/* Whoever waits gives up, and so does the session before its next wait. */
		log_error(NULL, s->id, "cannot wait for a connection: %s", strerror(errno));
		atomic_store(&s->timed_out, 1);
		return 0;
	}
	side = &d->slots[s->watch->fd].side[s->wait_write ? SIDE_WRITE : SIDE_READ];
	atomic_store(&s->wake_by_ms, s->park_until_ms);
	if (atomic_compare_exchange_strong(side, &was, (uintptr_t)s))
		return 1;
	atomic_store(side, NOBODY); /* was READY: a descriptor has one that waits for it at most */
	return 0;
}

static struct front_session *
wake(_Atomic uintptr_t *side)
{
	uintptr_t was = atomic_load(side);

	while (was != READY &&
	       !atomic_compare_exchange_weak(side, &was, was == NOBODY ? READY : NOBODY))
		;
	return was == READY ? NULL : (struct front_session *)was;
}

struct front_session *
watch_event(struct doors *d, const struct epoll_event *e)
{
	struct watch_slot *slot = &d->slots[e->data.u64];
	struct front_session *s = NULL;

	if (e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		atomic_store(&slot->hung_up, 1);
	if (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s = wake(&slot->side[SIDE_READ]);
	if (e->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
		struct front_session *w = wake(&slot->side[SIDE_WRITE]);

		s = w != NULL ? w : s; /* one of the two at most */
	}
	return s;
}

int
watch_stirred(const struct doors *d, const struct net_watch *w)
{
	const struct watch_slot *slot;

	if (w->known == 0)
		return 1;
	slot = &d->slots[w->fd];
	return atomic_load(&slot->side[SIDE_READ]) == READY || atomic_load(&slot->hung_up);
}

int
watch_hung_up(const struct doors *d, const struct net_watch *w)
{
	return w->known != 0 && atomic_load(&d->slots[w->fd].hung_up);
}
