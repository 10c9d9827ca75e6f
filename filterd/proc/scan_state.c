#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "proc/scan_state.h"

#define TOTALS   (SCAN_REFUSED + 1)
#define PATIENCE 1000 /* looks at what is being written */

/* Odd while somebody writes what it stands for. */
typedef _Atomic uint32_t version;

struct board {
	version version;
	struct scan_report report;
	_Atomic int confined;
	struct {
		_Atomic int pid;
		_Atomic int64_t messages;
	} scanners[SCANNERS_MAX];
};

struct scan_state {
	_Atomic int serves; /* a board's number and 1; 0: none */
	_Atomic int64_t totals[TOTALS];
	_Atomic int is_down;
	version down_version;
	char down[SCAN_WHY_MAX];
	struct board boards[SCAN_BOARDS];
};

struct scan_state *
scan_state_map(struct err *err)
{
	void *p = mmap(NULL, sizeof(struct scan_state), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED)
		return p;
	err_set(err, ERR_SYSTEM, "mmap: %s", strerror(errno));
	return NULL;
}

void
scan_state_unmap(struct scan_state *s)
{
	if (s != NULL)
		munmap(s, sizeof(*s));
}

/* A writer that died left an odd number. */
static void
put(version *v, void *to, const void *from, size_t size)
{
	atomic_store(v, atomic_load(v) | 1);
	memcpy(to, from, size);
	atomic_fetch_add(v, 1);
}

static void
get(version *v, void *to, const void *from, size_t size)
{
	for (int i = 0; i < PATIENCE; i++) {
		uint32_t before = atomic_load(v);

		memcpy(to, from, size);
		atomic_thread_fence(memory_order_seq_cst);
		if (before % 2 == 0 && atomic_load(v) == before)
			return;
	}
}

/* --- reading --- */

int
scan_state_down(struct scan_state *s, char why[SCAN_WHY_MAX])
{
	why[0] = '\0';
	if (!atomic_load_explicit(&s->is_down, memory_order_relaxed))
		return 0;
	get(&s->down_version, why, s->down, SCAN_WHY_MAX);
	why[SCAN_WHY_MAX - 1] = '\0';
	return 1;
}

void
scan_state_get_report(struct scan_state *s, int board, struct scan_report *r)
{
	get(&s->boards[board].version, r, &s->boards[board].report, sizeof(*r));
	if (r->nplugins > SCAN_PLUGINS_MAX)
		r->nplugins = SCAN_PLUGINS_MAX;
	for (size_t i = 0; i < SCAN_PLUGINS_MAX; i++) {
		r->plugins[i].name[sizeof(r->plugins[i].name) - 1] = '\0';
		r->plugins[i].text[sizeof(r->plugins[i].text) - 1] = '\0';
	}
}

static void
read_scanners(const struct board *b, struct scan_status *out)
{
	for (size_t i = 0; i < SCANNERS_MAX; i++) {
		int pid = atomic_load(&b->scanners[i].pid);

		if (pid == 0)
			continue;
		out->scanners[out->nscanners].pid = pid;
		out->scanners[out->nscanners++].messages = atomic_load(&b->scanners[i].messages);
	}
}

void
scan_state_read(struct scan_state *s, struct scan_status *out)
{
	int board = atomic_load(&s->serves) - 1;

	memset(out, 0, sizeof(*out));
	scan_state_down(s, out->down);
	out->messages = atomic_load(&s->totals[SCAN_MESSAGES]);
	out->started = atomic_load(&s->totals[SCAN_STARTED]);
	out->died = atomic_load(&s->totals[SCAN_DIED]);
	out->killed = atomic_load(&s->totals[SCAN_KILLED]);
	out->engines = atomic_load(&s->totals[SCAN_ENGINES]);
	out->refused = atomic_load(&s->totals[SCAN_REFUSED]);
	if (board < 0)
		return;
	scan_state_get_report(s, board, &out->report);
	out->confined = (enum scan_confined)atomic_load(&s->boards[board].confined);
	read_scanners(&s->boards[board], out);
}

/* --- writing --- */

void
scan_state_report(struct scan_state *s, int board, const struct scan_report *r)
{
	put(&s->boards[board].version, &s->boards[board].report, r, sizeof(*r));
}

void
scan_state_confined(struct scan_state *s, int board, enum scan_confined how)
{
	atomic_store(&s->boards[board].confined, (int)how);
}

void
scan_state_scanner(struct scan_state *s, int board, size_t place, int pid, int64_t messages)
{
	atomic_store(&s->boards[board].scanners[place].messages, messages);
	atomic_store(&s->boards[board].scanners[place].pid, pid);
}

void
scan_state_add(struct scan_state *s, enum scan_total what, int64_t n)
{
	atomic_fetch_add(&s->totals[what], n);
}

void
scan_state_clear(struct scan_state *s, int board)
{
	static const struct scan_report none;

	scan_state_report(s, board, &none);
	scan_state_confined(s, board, SCAN_CONFINED_UNKNOWN);
	for (size_t i = 0; i < SCANNERS_MAX; i++)
		scan_state_scanner(s, board, i, 0, 0);
}

void
scan_state_serves(struct scan_state *s, int board)
{
	atomic_store(&s->serves, board + 1);
}

void
scan_state_set_down(struct scan_state *s, const char *why)
{
	char text[SCAN_WHY_MAX] = "";

	if (why != NULL) {
		snprintf(text, sizeof(text), "%s", why);
		put(&s->down_version, s->down, text, sizeof(text));
	}
	atomic_store(&s->is_down, why != NULL);
}
