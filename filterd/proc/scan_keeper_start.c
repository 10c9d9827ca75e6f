#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "proc/proc.h"
#include "proc/scan_folder.h"
#include "proc/scan_keeper_impl.h"

#define DELAY_MAX_MS 30000
#define GRACE_MS     5000
#define AT_A_TIME    3 /* of SCAN_BOARDS; one may be on its way out twice */

/* --- what all parts of it use --- */

struct generation *
keeper_in_phase(struct keeper *k, enum phase phase)
{
	for (size_t i = 0; i < SCAN_BOARDS; i++)
		if (k->g[i].phase == phase)
			return &k->g[i];
	return NULL;
}

size_t
keeper_alive(const struct keeper *k)
{
	size_t n = 0;

	for (size_t i = 0; i < SCAN_BOARDS; i++)
		n += k->g[i].phase != NOBODY;
	return n;
}

int
keeper_board(const struct keeper *k, const struct generation *g)
{
	return (int)(g - k->g);
}

void
keeper_order(struct generation *g, char what)
{
	(void)send(g->control, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
keeper_want(struct keeper *k, enum wish wish)
{
	if (wish > k->wish)
		k->wish = wish;
}

void
keeper_later(struct keeper *k)
{
	k->not_before = deadline_in_ms(k->delay_ms);
	k->delay_ms = k->delay_ms > DELAY_MAX_MS / 2 ? DELAY_MAX_MS : 2 * k->delay_ms;
}

void
keeper_ready(struct keeper *k)
{
	if (!k->told_ready)
		proc_worker_ready(k->o->worker);
	k->told_ready = 1;
}

void
keeper_retire(struct keeper *k, struct generation *g)
{
	keeper_order(g, GENERATION_RETIRE);
	g->phase = RETIRING;
	g->kill_at = deadline_in_ms(g->time_limit_ms + GRACE_MS);
}

/* --- birth --- */

/* The folder for all of them; one that is not what it was is left to whoever made it so. */
static int
have_folder(struct keeper *k, struct err *err)
{
	if (k->folder != NULL && scan_folder_check(k->folder_fd, k->folder, err) == 0)
		return 0;
	if (k->folder != NULL) {
		close(k->folder_fd);
		free(k->folder);
		k->folder = NULL;
	}
	k->folder_fd = scan_folder_open(k->limits.directory, &k->folder, err);
	return k->folder_fd == -1 ? -1 : 0;
}

void
keeper_let_go(struct keeper *k)
{
	for (size_t i = 0; i < SCAN_BOARDS; i++)
		if (k->g[i].control != -1)
			close(k->g[i].control);
	close(k->sigfd);
	if (k->folder_fd != -1) /* its lock is the keeper's */
		close(k->folder_fd);
	close(k->o->worker->orders);
}

static ATTR_NORETURN void
live(struct keeper *k, struct generation *g, int control, pid_t parent)
{
	struct scan_generation_options o = { .program = k->o->program,
		.limits = &k->limits,
		.state = k->o->state,
		.board = keeper_board(k, g),
		.number = g->number,
		.jobs = k->o->jobs,
		.control = control,
		.folder = g->folder,
		.keeper = parent };

	scan_dies_with(parent);
	keeper_let_go(k);
	/* How others fare: nothing for whoever may take over a scanner. */
	munmap(
	    (void *)(uintptr_t)k->o->worker->states, k->o->nroles * sizeof(*k->o->worker->states));
	scan_generation_live(&o);
}

static int
start(struct keeper *k, struct err *err)
{
	struct generation *g = keeper_in_phase(k, NOBODY);
	pid_t parent = getpid();
	int pair[2];

	if (have_folder(k, err) == -1)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		err_set(err, ERR_SYSTEM, "socketpair: %s", strerror(errno));
		return -1;
	}
	g->number = k->next_number++;
	g->folder = xasprintf("%s/%" PRId64, k->folder, g->number);
	scan_state_clear(k->o->state, keeper_board(k, g));
	fflush(NULL);
	if ((g->pid = fork()) == 0) {
		close(pair[0]);
		live(k, g, pair[1], parent);
	}
	close(pair[1]);
	if (g->pid == -1) {
		err_set(err, ERR_SYSTEM, "no process for engines: %s", strerror(errno));
		close(pair[0]);
		free(g->folder);
		g->folder = NULL;
		return -1;
	}
	g->control = pair[0];
	g->phase = LOADING;
	g->wish = k->wish;
	g->born_ms = clock_ms();
	g->time_limit_ms = k->limits.time_limit_ms;
	g->kill_at = deadline_in_ms(KEEPER_LOAD_MS);
	k->wish = CONTENT;
	return 0;
}

void
keeper_start_wanted(struct keeper *k)
{
	struct err err = { 0 };

	if (k->wish == CONTENT || !deadline_passed(k->not_before) ||
	    keeper_in_phase(k, LOADING) != NULL || keeper_in_phase(k, STARTING) != NULL ||
	    keeper_alive(k) >= AT_A_TIME)
		return;
	/* Going away, nothing is loaded aside any more. */
	if (k->stopping && k->wish != WISH_NONE_THERE) {
		k->wish = CONTENT;
		return;
	}
	if (start(k, &err) == 0)
		return;
	log_error(NULL, NULL, "scanners: %s", err.text);
	if (keeper_in_phase(k, SERVING) == NULL)
		scan_state_set_down(k->o->state, err.text);
	keeper_ready(k);
	keeper_later(k);
}
