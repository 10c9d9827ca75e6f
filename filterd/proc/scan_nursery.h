/*
 * scan_nursery - a generation's scanners: birth, talk, time and death
 *
 * Each place has one scanner at a time.  One that served is replaced at once, for forking is cheap
 * and a message that kills costs no more than a message; one that dies before it is ready, or again
 * and again without having had a job, waits longer each time.  One of max_age_ms ends
 * after the message in hand, and one that does something without a message is killed: it may be
 * another's.
 *
 * Ownership: of one process, which calls scan_nursery_tick() several times a second.
 */
#ifndef PROC_SCAN_NURSERY_H
#define PROC_SCAN_NURSERY_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "proc/scan_generation.h"
#include "proc/scan_watch.h"
#include "proc/scanner.h"

struct scan_place {
	pid_t pid; /* 0: none now */
	int talk;  /* -1: none */
	struct scanner_page *page;
	char *folder;
	int64_t born_ms, counted; /* counted: of page->messages, so many are in the totals */
	int delay_ms;
	struct deadline start_at;
	int killed; /* by us, which was told */
	struct scan_watch watch;
	int said; /* lines, of this minute */
	struct deadline said_until;
};

struct scan_nursery {
	const struct scan_generation_options *o;
	struct scan_place *places;
	size_t n;
	struct scanner_page *pages;
	size_t page_size;
	int sigfd;
	int retiring;
	int unready;             /* deaths in a row before anything was ready */
	char why[SCAN_WHY_MAX];  /* the last that one of these said */
	struct deadline look_at; /* at what they do */
};

/* Begin with n places, all to be filled at the next tick.  -1: no memory. */
int scan_nursery_init(
    struct scan_nursery *, const struct scan_generation_options *, size_t n, int sigfd);
void scan_nursery_fini(struct scan_nursery *); /* kills what is left */
/* Bury who has died, kill who must, start who is due.  -1: a scanner cannot be started at all. */
int scan_nursery_tick(struct scan_nursery *, struct err *);
/* p has room for n. */
void scan_nursery_poll(const struct scan_nursery *, struct pollfd *p);
void scan_nursery_heard(struct scan_nursery *, const struct pollfd *p);
size_t scan_nursery_alive(const struct scan_nursery *);
size_t scan_nursery_ready(const struct scan_nursery *);
/* No more births; each ends after the message in hand. */
void scan_nursery_retire(struct scan_nursery *);

#endif
