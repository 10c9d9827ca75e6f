#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "proc/scan_folder.h"
#include "proc/scan_generation.h"
#include "proc/scan_nursery.h"

#define TICK_MS     250
#define LOOK_MS     1000
#define UNREADY_MAX 3

struct generation {
	const struct scan_generation_options *o;
	struct scan_report report;
	struct scan_nursery nursery;
	int sigfd;
	int has_folder, serving, broken, retiring;
	struct deadline look_at;
};

void
scan_dies_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EX_UNAVAILABLE);
}

static void
tell(struct generation *g, char what, const char *text)
{
	char room[SCAN_WHY_MAX + 1];
	int n = snprintf(room, sizeof(room), "%c%s", what, text);

	if (n >= (int)sizeof(room))
		n = sizeof(room) - 1;
	(void)send(g->o->control, room, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- loading --- */

static void
load(struct generation *g)
{
	struct err err;

	g->report.number = g->o->number;
	g->report.since_us = clock_wall_us();
	/* What libraries write while they load, whose removal they may not live to see.  That it
	 * cannot be made concerns begin(). */
	g->has_folder = scan_folder_make(g->o->folder, &err) == 0;
	if (g->has_folder)
		setenv("TMPDIR", g->o->folder, 1);
	g->o->program->open(g->o->program->arg, &g->report);
	scan_state_report(g->o->state, g->o->board, &g->report);
}

static size_t
wanted(const struct generation *g)
{
	int n = g->o->limits->processes;

	for (size_t i = 0; i < g->report.nplugins; i++)
		if (!g->report.plugins[i].idle)
			return (size_t)(n > SCANNERS_MAX ? SCANNERS_MAX : n);
	return 0;
}

/* Until the keeper has compared what there is now with what there was. */
static int
may_go_on(struct generation *g)
{
	char c;
	ssize_t n;

	for (;;) {
		n = recv(g->o->control, &c, 1, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n != 1 || c == GENERATION_RETIRE)
			return 0;
		if (c == GENERATION_GO)
			return 1;
		if (c == GENERATION_REOPEN)
			log_reopen();
	}
}

/* --- serving --- */

static void
retire(struct generation *g)
{
	if (g->retiring)
		return;
	g->retiring = 1;
	scan_nursery_retire(&g->nursery);
}

static void
obey(struct generation *g)
{
	char c;
	ssize_t n;

	while ((n = recv(g->o->control, &c, 1, MSG_DONTWAIT)) == 1) {
		if (c == GENERATION_RETIRE)
			retire(g);
		else if (c == GENERATION_REOPEN)
			log_reopen();
	}
	if (n == 0)
		retire(g);
}

static void
look_at_engines(struct generation *g)
{
	enum scan_change c;

	/* A change is told once, and before this one serves the keeper has no ear for it. */
	if (g->retiring || !g->serving || !deadline_passed(g->look_at))
		return;
	g->look_at = deadline_in_ms(LOOK_MS);
	c = g->o->program->changed(g->o->program->arg);
	if (c == SCAN_CHANGED)
		tell(g, GENERATION_CHANGED, "");
	else if (c == SCAN_RETRY)
		tell(g, GENERATION_RETRY, "");
}

static void
look_at_scanners(struct generation *g)
{
	size_t ready = scan_nursery_ready(&g->nursery);

	if (g->retiring)
		return;
	if (!g->serving && (ready > 0 || g->nursery.n == 0)) {
		g->serving = 1;
		g->broken = 0;
		tell(g, GENERATION_SERVES, "");
	} else if (ready == 0 && !g->broken && g->nursery.unready >= UNREADY_MAX) {
		g->broken = 1;
		g->serving = 0;
		tell(g, GENERATION_BROKEN, g->nursery.why);
	}
}

/* Those that are there finish what they have, while the keeper begins anew with another folder. */
static void
give_up(struct generation *g, const struct err *err)
{
	log_error(NULL, NULL, "%s", err->text);
	tell(g, GENERATION_BROKEN, err->text);
	g->broken = 1;
	retire(g);
}

static void
serve(struct generation *g)
{
	struct pollfd *p = xcalloc(g->nursery.n + 2, sizeof(*p));
	struct signalfd_siginfo si;
	struct err err;

	while (!(g->retiring && scan_nursery_alive(&g->nursery) == 0)) {
		if (scan_nursery_tick(&g->nursery, &err) == -1)
			give_up(g, &err);
		look_at_scanners(g);
		look_at_engines(g);
		p[0] = (struct pollfd){ .fd = g->sigfd, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = g->o->control, .events = POLLIN };
		scan_nursery_poll(&g->nursery, p + 2);
		if (poll(p, g->nursery.n + 2, TICK_MS) <= 0)
			continue;
		if (p[0].revents != 0)
			(void)!read(g->sigfd, &si, sizeof(si));
		if (p[1].revents != 0)
			obey(g);
		scan_nursery_heard(&g->nursery, p + 2);
	}
	free(p);
}

/* --- birth and death --- */

static int
catch_deaths(void)
{
	sigset_t set;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
begin(struct generation *g, struct err *err)
{
	if (!g->has_folder && scan_folder_make(g->o->folder, err) == -1)
		return -1;
	if ((g->sigfd = catch_deaths()) != -1 &&
	    scan_nursery_init(&g->nursery, g->o, wanted(g), g->sigfd) == 0)
		return 0;
	err_set(err, ERR_SYSTEM, "scanners' parent: %s", strerror(errno));
	return -1;
}

void
scan_generation_live(const struct scan_generation_options *o)
{
	struct generation g = { .o = o, .sigfd = -1, .look_at = deadline_in_ms(LOOK_MS) };
	struct err err = { 0 };

	prctl(PR_SET_NAME, "filterd-engine");
	load(&g);
	tell(&g, GENERATION_LOADED, "");
	if (!may_go_on(&g))
		_exit(0);
	if (begin(&g, &err) == -1) {
		give_up(&g, &err);
		_exit(EX_OSERR);
	}
	serve(&g);
	scan_nursery_fini(&g.nursery);
	_exit(0);
}
