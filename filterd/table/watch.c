#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "table/watch.h"

/* A file that changed less than this before it was looked at may change once more without its time
 * changing: the kernel's file times move in steps. */
#define HOT_NS ((int64_t)50000000)
/* One that changed less than this ago may be half written.  Who writes it all the time is not
 * waited for longer than REST_TRIES times that. */
#define REST_NS    ((int64_t)50000000)
#define REST_TRIES 5

static int64_t
ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
now_ns(void)
{
	return clock_wall_us() * 1000;
}

static struct version
version_look(const char *path)
{
	struct version v = { 0 };
	struct stat st;
	int64_t now = now_ns();

	if (stat(path, &st) == -1) {
		v.error = errno;
		return v;
	}
	v.dev = st.st_dev;
	v.ino = st.st_ino;
	v.size = st.st_size;
	v.mtime = ns(st.st_mtim);
	v.ctime = ns(st.st_ctim); /* chmod(1) may have made it readable */
	v.newest = v.mtime > v.ctime ? v.mtime : v.ctime;
	v.hot = v.newest > now - HOT_NS && v.newest < now + HOT_NS;
	return v;
}

static int
version_same(const struct version *a, const struct version *b)
{
	return a->error == b->error && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime == b->mtime && a->ctime == b->ctime;
}

void
watch_add(void *arg, const char *path)
{
	struct watch_list *l = arg;
	struct watch *grown = arena_alloc(l->mem, (l->n + 1) * sizeof(*grown));

	if (l->n > 0)
		memcpy(grown, l->v, l->n * sizeof(*grown));
	grown[l->n++] = (struct watch){
		.path = arena_strdup(l->mem, path),
		.seen = version_look(path), /* before it is opened: a later change is seen */
	};
	l->v = grown;
}

int
watch_changed(struct watch_list *l)
{
	int changed = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct version now = version_look(l->v[i].path);

		if (l->v[i].seen.hot || !version_same(&now, &l->v[i].seen))
			changed = 1;
		l->v[i].seen = now;
	}
	return changed;
}

int
watch_moved(const struct watch_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct version now = version_look(l->v[i].path);

		if (!version_same(&now, &l->v[i].seen))
			return 1;
	}
	return 0;
}

/* How long until all have been left alone for REST_NS; a time to come is a clock's mistake. */
static int64_t
restless_ns(struct watch_list *l)
{
	int64_t wait = 0, now = now_ns();

	for (size_t i = 0; i < l->n; i++) {
		int64_t age;

		l->v[i].seen = version_look(l->v[i].path);
		age = now - l->v[i].seen.newest;
		if (l->v[i].seen.error == 0 && age >= 0 && REST_NS - age > wait)
			wait = REST_NS - age;
	}
	return wait;
}

void
watch_let_rest(struct watch_list *l)
{
	for (int tries = 0; tries < REST_TRIES; tries++) {
		int64_t wait = restless_ns(l);

		if (wait == 0)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = wait }, NULL);
	}
}
