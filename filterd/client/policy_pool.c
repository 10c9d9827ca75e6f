#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "client/policy_pool.h"
#include "net/dial.h"
#include "net/stream.h"

#define NAME_MAX_LEN 320 /* of an endpoint's text */

/* One policy server and its kept connections, the latest used first. */
struct server {
	struct server *next;
	char name[NAME_MAX_LEN];
	struct policy_link *kept;
	size_t nkept;
};

/* Servers are those of configurations, so there are few; one that none names any more stays. */
struct policy_pool {
	pthread_mutex_t lock; /* over all below; never held while anything waits */
	struct server *servers;
};

struct policy_pool *
policy_pool_new(void)
{
	struct policy_pool *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void
policy_link_close(struct policy_link *l)
{
	if (l == NULL)
		return;
	stream_free(l->s);
	free(l);
}

static void
close_all(struct policy_link *list)
{
	struct policy_link *next;

	for (; list != NULL; list = next) {
		next = list->next;
		policy_link_close(list);
	}
}

void
policy_pool_free(struct policy_pool *p)
{
	struct server *s, *next;

	if (p == NULL)
		return;
	for (s = p->servers; s != NULL; s = next) {
		next = s->next;
		close_all(s->kept);
		free(s);
	}
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* With the lock held. */
static struct server *
find_server(struct policy_pool *p, const struct endpoint *to)
{
	char name[NAME_MAX_LEN];
	struct server *s;

	endpoint_format(to, name, sizeof(name));
	for (s = p->servers; s != NULL; s = s->next)
		if (strcmp(s->name, name) == 0)
			return s;
	s = xcalloc(1, sizeof(*s));
	memcpy(s->name, name, strlen(name) + 1);
	s->next = p->servers;
	p->servers = s;
	return s;
}

static struct policy_link *
take_first(struct policy_pool *p, const struct endpoint *to)
{
	struct policy_link *l;
	struct server *s;

	pthread_mutex_lock(&p->lock);
	s = find_server(p, to);
	l = s->kept;
	if (l != NULL) {
		s->kept = l->next;
		s->nkept--;
	}
	pthread_mutex_unlock(&p->lock);
	return l;
}

/* A server that speaks without being asked, or has hung up, is of no use. */
static int
still_good(struct policy_link *l)
{
	return clock_ms() < l->good_until_ms &&
	       (!stream_stirred(l->s) || stream_try_fill(l->s) == -2);
}

struct policy_link *
policy_pool_take(struct policy_pool *p, const struct endpoint *to)
{
	struct policy_link *l;

	while ((l = take_first(p, to)) != NULL && !still_good(l))
		policy_link_close(l);
	if (l != NULL)
		l->next = NULL;
	return l;
}

struct policy_link *
policy_link_open(const struct endpoint *to, struct deadline d, struct err *err)
{
	int fd = dial(to, d, err);
	struct policy_link *l;

	if (fd == -1)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->s = stream_new(fd);
	l->born_ms = clock_ms();
	return l;
}

void
policy_pool_put(struct policy_pool *p, const struct endpoint *to, struct policy_link *l)
{
	struct server *s;

	stream_park(l->s);
	pthread_mutex_lock(&p->lock);
	s = find_server(p, to);
	if (s->nkept < POLICY_KEPT_MAX) {
		l->next = s->kept;
		s->kept = l;
		s->nkept++;
		l = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	policy_link_close(l);
}

void
policy_pool_tidy(struct policy_pool *p)
{
	struct policy_link *old = NULL, *l;
	int64_t now = clock_ms();

	pthread_mutex_lock(&p->lock);
	for (struct server *s = p->servers; s != NULL; s = s->next) {
		for (struct policy_link **at = &s->kept; (l = *at) != NULL;) {
			if (now < l->good_until_ms) {
				at = &l->next;
				continue;
			}
			*at = l->next;
			s->nkept--;
			l->next = old;
			old = l;
		}
	}
	pthread_mutex_unlock(&p->lock);
	close_all(old);
}
