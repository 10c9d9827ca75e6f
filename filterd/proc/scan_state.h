/*
 * scan_state - how scanners fare, for who asks
 *
 * Memory that supervisor, workers, keeper and generations share; a scanner, which may be in a
 * stranger's hands, lets go of it before it takes its first job.  A generation writes its own
 * board, the keeper everything else; workers read.  A reader may see a text half changed when its
 * writer dies in the middle, never an unended one.
 *
 * Ownership: scan_state_map() before the first fork; scan_state_unmap() in each process.
 * Threads: any reads; one process writes a board.
 */
#ifndef PROC_SCAN_STATE_H
#define PROC_SCAN_STATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct scan_state;

#define SCAN_BOARDS      4 /* generations that can be there at a time, dying ones included */
#define SCAN_PLUGINS_MAX 16
#define SCANNERS_MAX     256
#define SCAN_WHY_MAX     256

struct scan_plugin {
	char name[64];
	int ok;
	int idle;                /* loaded, and wants no scanner */
	char text[SCAN_WHY_MAX]; /* ok: what is loaded; else why it is not */
};
struct scan_report { /* of a generation */
	int64_t number, since_us;
	size_t nplugins;
	struct scan_plugin plugins[SCAN_PLUGINS_MAX];
};
enum scan_confined { SCAN_CONFINED_UNKNOWN, SCAN_CONFINED_WHOLLY, SCAN_CONFINED_NO_LANDLOCK };

struct scan_status {
	struct scan_report report; /* of the generation that serves; number 0: none does */
	enum scan_confined confined;
	size_t nscanners;
	struct {
		int pid;
		int64_t messages;
	} scanners[SCANNERS_MAX];
	int64_t messages, started, died, killed; /* scanners, of all generations */
	int64_t engines, refused; /* generations that took over; loads that were not used */
	char down[SCAN_WHY_MAX];  /* why no scanner will take a job; "": some will */
};

struct scan_state *scan_state_map(struct err *) ATTR_MUST_USE;
void scan_state_unmap(struct scan_state *); /* NULL is fine */

/* --- who reads --- */
void scan_state_read(struct scan_state *, struct scan_status *);
/* 1 and why: no scanner will take a job.  Costs a look at one word when some will. */
int scan_state_down(struct scan_state *, char why[SCAN_WHY_MAX]);

/* --- a generation, at its board --- */
void scan_state_report(struct scan_state *, int board, const struct scan_report *);
void scan_state_confined(struct scan_state *, int board, enum scan_confined);
/* pid 0: the place is empty. */
void scan_state_scanner(struct scan_state *, int board, size_t place, int pid, int64_t messages);
enum scan_total { SCAN_MESSAGES, SCAN_STARTED, SCAN_DIED, SCAN_KILLED, SCAN_ENGINES, SCAN_REFUSED };
void scan_state_add(struct scan_state *, enum scan_total, int64_t n);

/* --- the keeper --- */
void scan_state_get_report(struct scan_state *, int board, struct scan_report *);
void scan_state_clear(struct scan_state *, int board);
void scan_state_serves(struct scan_state *, int board);         /* -1: none */
void scan_state_set_down(struct scan_state *, const char *why); /* NULL: it is up */

#endif
