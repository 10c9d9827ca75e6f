#include "table/regexp_code.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/xmem.h"

/* So long a pattern is matched in all before it is compiled anew: at the worst it has some 15 MB
 * then.  For an ordinary one, which takes 0.1 ms to compile, that is nothing.  The clock is a
 * coarse one that costs nothing, and what it tells wrong of one call it makes good with others. */
#define RENEW_MS 250
#define WAIT_NS  20000000
/* An ordinary pattern reads several MB in that time, a call counted as some octets more. */
#define SLOW_OCTETS ((size_t)1 << 20)
#define CALL_OCTETS 64

struct regexp_code {
	pthread_mutex_t lock;
	regex_t re;
	int64_t used_ms; /* since it was compiled, ... */
	size_t octets;   /* ... with so many */
	atomic_uint renewals;
	atomic_int slow;
	unsigned flags;
	char *text;
};

struct regexp_code *
regexp_code_new(const char *text, unsigned flags, unsigned *has, char *why, size_t whysize)
{
	struct regexp_code *c = xcalloc(1, sizeof(*c));
	int rc;

	if ((rc = regcomp(&c->re, text, (int)flags)) != 0) {
		regerror(rc, &c->re, why, whysize);
		free(c);
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	c->flags = flags;
	c->text = xstrdup(text);
	*has = (unsigned)c->re.re_nsub;
	return c;
}

void
regexp_code_free(struct regexp_code *c)
{
	if (c == NULL)
		return;
	regfree(&c->re);
	pthread_mutex_destroy(&c->lock);
	free(c->text);
	free(c);
}

static int
lock_soon(struct regexp_code *c)
{
	struct timespec until;

	if (pthread_mutex_trylock(&c->lock) == 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return pthread_mutex_timedlock(&c->lock, &until) == 0 ? 0 : -1;
}

static int
exec_apart(const struct regexp_code *c, const char *text, size_t n, regmatch_t *at, int flags)
{
	regex_t re;
	int rc = regcomp(&re, c->text, (int)c->flags);

	if (rc != 0)
		return rc;
	rc = regexec(&re, text, n, at, flags);
	regfree(&re);
	return rc;
}

/* Without memory for it the next call tries again. */
static void
renew(struct regexp_code *c)
{
	regex_t re;

	if (regcomp(&re, c->text, (int)c->flags) != 0)
		return;
	regfree(&c->re);
	c->re = re;
	if (c->octets < SLOW_OCTETS)
		atomic_store_explicit(&c->slow, 1, memory_order_relaxed);
	c->used_ms = 0;
	c->octets = 0;
	atomic_fetch_add_explicit(&c->renewals, 1, memory_order_relaxed);
}

int
regexp_code_exec(
    struct regexp_code *c, const char *text, size_t len, size_t n, regmatch_t *at, int flags)
{
	int64_t began;
	int rc;

	if (lock_soon(c) == -1)
		return exec_apart(c, text, n, at, flags);
	began = clock_ms();
	rc = regexec(&c->re, text, n, at, flags);
	c->used_ms += clock_ms() - began;
	c->octets += len + CALL_OCTETS;
	if (c->used_ms >= RENEW_MS)
		renew(c);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

unsigned
regexp_code_renewals(struct regexp_code *c)
{
	return atomic_load_explicit(&c->renewals, memory_order_relaxed);
}

int
regexp_code_is_slow(struct regexp_code *c)
{
	return atomic_load_explicit(&c->slow, memory_order_relaxed);
}
