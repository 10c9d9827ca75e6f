#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/xmem.h"
#include "net/dns.h"
#include "rules/dnsbl.h"

struct dnsbl_zone {
	pthread_mutex_t lock;
	char *name;
	enum rbl_kind kind;
	int off;
	int64_t in_a_row;       /* refusals */
	int64_t next_probe;     /* while off */
	int64_t confirmed_till; /* a listing is believed; 0: never looked */
	char why[200];
	uint64_t listed, not_listed, refused, trouble, probes;
};

struct dnsbl_zones {
	pthread_rwlock_t lock; /* of the array; a zone has its own */
	struct dnsbl_zone *v[DNSBL_ZONES_MAX];
	size_t n;
};

struct dnsbl_zones *
dnsbl_zones_new(void)
{
	struct dnsbl_zones *zs = xcalloc(1, sizeof(*zs));

	pthread_rwlock_init(&zs->lock, NULL);
	return zs;
}

void
dnsbl_zones_free(struct dnsbl_zones *zs)
{
	if (zs == NULL)
		return;
	for (size_t i = 0; i < zs->n; i++) {
		pthread_mutex_destroy(&zs->v[i]->lock);
		free(zs->v[i]->name);
		free(zs->v[i]);
	}
	pthread_rwlock_destroy(&zs->lock);
	free(zs);
}

/* --- finding a zone --- */

/* A site has a handful of lists. */
static struct dnsbl_zone *
find(const struct dnsbl_zones *zs, enum rbl_kind kind, const char *name)
{
	for (size_t i = 0; i < zs->n; i++)
		if (zs->v[i]->kind == kind && text_case_eq(zs->v[i]->name, name))
			return zs->v[i];
	return NULL;
}

static struct dnsbl_zone *
zone_new(enum rbl_kind kind, const char *name)
{
	struct dnsbl_zone *z = xcalloc(1, sizeof(*z));

	pthread_mutex_init(&z->lock, NULL);
	z->kind = kind;
	z->name = xstrdup(name);
	return z;
}

struct dnsbl_zone *
dnsbl_zone(struct dnsbl_zones *zs, enum rbl_kind kind, const char *name)
{
	struct dnsbl_zone *z;

	if (zs == NULL)
		return NULL;
	pthread_rwlock_rdlock(&zs->lock);
	z = find(zs, kind, name);
	pthread_rwlock_unlock(&zs->lock);
	if (z != NULL)
		return z;
	pthread_rwlock_wrlock(&zs->lock);
	z = find(zs, kind, name);
	if (z == NULL && zs->n < DNSBL_ZONES_MAX)
		z = zs->v[zs->n++] = zone_new(kind, name);
	pthread_rwlock_unlock(&zs->lock);
	return z;
}

/* --- test points --- */

void
dnsbl_points(enum rbl_kind kind, const char *zone, struct dnsbl_points *p)
{
	const char *listed = kind == RBL_ADDRESSES ? "2.0.0.127" : "TEST";
	const char *not_listed = kind == RBL_ADDRESSES ? "1.0.0.127" : "INVALID";

	snprintf(p->listed, sizeof(p->listed), "%s.%s", listed, zone);
	snprintf(p->not_listed, sizeof(p->not_listed), "%s.%s", not_listed, zone);
}

/* Is there an answer that some list means as a listing?  Which ones do is not asked here: lists of
 * good senders have 127.0.10.0 and the like. */
static int
some_listing(const struct dns_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const uint8_t *a = r->rr[i].data.p;

		if (r->rr[i].data.len != 4 || a[0] != 127 || (a[1] == 255 && a[2] == 255))
			continue;
		if (a[1] == 0 && a[2] == 0 && (a[3] < 2 || a[3] == 255))
			continue;
		return 1;
	}
	return 0;
}

/* --- on and off --- */

/* Each of these wants the lock. */
static void
switch_off(struct dnsbl_zone *z, const struct dnsbl_limits *l, int64_t now)
{
	z->off = 1;
	z->next_probe = now + l->probe_interval;
	z->in_a_row = 0;
	z->confirmed_till = 0;
	log_warn(NULL, NULL, "DNS list %s: switched off: %s; probed again in %lld s", z->name,
	    z->why, (long long)(l->probe_interval / 1000));
}

static enum dnsbl_turn
turn(const struct dnsbl_zone *z, int64_t now)
{
	if (!z->off)
		return DNSBL_ASK;
	return now < z->next_probe ? DNSBL_OFF : DNSBL_PROBE;
}

enum dnsbl_turn
dnsbl_turn_peek(struct dnsbl_zone *z, int64_t now)
{
	enum dnsbl_turn t;

	if (z == NULL)
		return DNSBL_ASK;
	pthread_mutex_lock(&z->lock);
	t = turn(z, now);
	pthread_mutex_unlock(&z->lock);
	return t;
}

enum dnsbl_turn
dnsbl_turn(struct dnsbl_zone *z, const struct dnsbl_limits *l, int64_t now)
{
	enum dnsbl_turn t;

	if (z == NULL)
		return DNSBL_ASK;
	pthread_mutex_lock(&z->lock);
	t = turn(z, now);
	if (t == DNSBL_PROBE) {
		z->next_probe = now + l->probe_interval;
		z->probes++;
	}
	pthread_mutex_unlock(&z->lock);
	return t;
}

int
dnsbl_probed(
    struct dnsbl_zone *z, const struct dns_result *listed, const struct dns_result *not_listed)
{
	int good = some_listing(listed) && dns_outcome_answer(not_listed->outcome) == 0;
	int on;

	if (z == NULL)
		return 1;
	pthread_mutex_lock(&z->lock);
	if (good && z->off) {
		z->off = 0;
		/* The answer is as good as that of dnsbl_confirmed(). */
		z->confirmed_till = z->next_probe;
		log_info(NULL, NULL, "DNS list %s: its test points are right, switched on again",
		    z->name);
	} else if (!good) {
		log_info(NULL, NULL,
		    "DNS list %s: stays off: test points are %s (must be listed) and %s (must not)",
		    z->name, dns_outcome_text(listed->outcome),
		    dns_outcome_text(not_listed->outcome));
	}
	on = !z->off;
	pthread_mutex_unlock(&z->lock);
	return on;
}

void
dnsbl_answered(struct dnsbl_zone *z, const struct dnsbl_limits *l, enum rbl_reading reading,
    const char *odd, int64_t now)
{
	if (z == NULL)
		return;
	pthread_mutex_lock(&z->lock);
	switch (reading) {
	case RBL_LISTED:
		z->listed++;
		z->in_a_row = 0;
		break;
	case RBL_NOT_LISTED:
		z->not_listed++;
		z->in_a_row = 0;
		break;
	case RBL_TROUBLE: /* the DNS's own; that a server is down says nothing about the list */
		z->trouble++;
		break;
	case RBL_REFUSED:
		z->refused++;
		z->in_a_row++;
		if (z->off || z->in_a_row < l->refused_limit)
			break;
		snprintf(z->why, sizeof(z->why),
		    "%lld questions refused in a row, the last with %s", (long long)z->in_a_row,
		    odd);
		switch_off(z, l, now);
		break;
	}
	pthread_mutex_unlock(&z->lock);
}

int
dnsbl_doubted(struct dnsbl_zone *z, int64_t now)
{
	int doubted;

	if (z == NULL)
		return 0;
	pthread_mutex_lock(&z->lock);
	doubted = now >= z->confirmed_till;
	pthread_mutex_unlock(&z->lock);
	return doubted;
}

int
dnsbl_confirmed(
    struct dnsbl_zone *z, const struct dnsbl_limits *l, const struct dns_result *r, int64_t now)
{
	int all = some_listing(r), on;

	if (z == NULL)
		return !all;
	pthread_mutex_lock(&z->lock);
	if (!all) {
		z->confirmed_till = now + l->probe_interval;
	} else if (!z->off) {
		snprintf(z->why, sizeof(z->why), "it lists %s, so it lists everything",
		    z->kind == RBL_ADDRESSES ? "127.0.0.1" : "INVALID");
		switch_off(z, l, now);
	}
	on = !all && !z->off;
	pthread_mutex_unlock(&z->lock);
	return on;
}

void
dnsbl_zones_each(
    struct dnsbl_zones *zs, void (*f)(void *arg, const struct dnsbl_status *), void *arg)
{
	if (zs == NULL)
		return;
	pthread_rwlock_rdlock(&zs->lock);
	for (size_t i = 0; i < zs->n; i++) {
		struct dnsbl_zone *z = zs->v[i];
		char why[sizeof(z->why)];
		struct dnsbl_status s;

		pthread_mutex_lock(&z->lock);
		memcpy(why, z->why, sizeof(why));
		s = (struct dnsbl_status){ .zone = z->name,
			.kind = z->kind,
			.off = z->off,
			.why = why,
			.listed = z->listed,
			.not_listed = z->not_listed,
			.refused = z->refused,
			.trouble = z->trouble,
			.probes = z->probes };
		pthread_mutex_unlock(&z->lock);
		f(arg, &s);
	}
	pthread_rwlock_unlock(&zs->lock);
}
