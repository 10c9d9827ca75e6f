#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/proc.h"
#include "proc/scan_folder.h"
#include "proc/scan_keeper_impl.h"

#define TICK_MS  1000
#define READY_MS 60000 /* mail does not wait for longer for the first engines */
#define END_MS   1000

/* --- orders --- */

static void
begin_stop(struct keeper *k)
{
	if (k->stopping)
		return;
	k->stopping = 1;
	keeper_check_stop(k);
	k->stop_at = deadline_in_ms(k->limits.stop_time_limit_ms);
}

static void
obey(struct keeper *k)
{
	int orders = k->o->worker->orders, reloads = 0;
	char c;
	ssize_t n;

	while ((n = recv(orders, &c, 1, MSG_DONTWAIT)) == 1) {
		reloads |= c == PROC_RELOAD;
		if (c == PROC_TERMINATE)
			begin_stop(k);
		if (c != PROC_REOPEN)
			continue;
		log_reopen();
		for (size_t i = 0; i < SCAN_BOARDS; i++)
			if (k->g[i].phase != NOBODY)
				keeper_order(&k->g[i], GENERATION_REOPEN);
	}
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		begin_stop(k);
	if (reloads && !k->stopping)
		keeper_check(k);
}

/* Has everybody gone who could ask?  The supervisor says so of each role, and if it has died itself
 * the queue has no other end. */
static int
nobody_asks(const struct keeper *k)
{
	const struct proc_worker *w = k->o->worker;
	struct pollfd p = { .fd = k->o->jobs, .events = 0 };
	size_t others = 0;

	if (poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0)
		return 1;
	for (size_t i = 0; i < k->o->nroles; i++)
		others += i != w->role && atomic_load(&w->states[i].pid) != 0;
	return others == 0;
}

/* --- the loop --- */

static void
on_time(struct keeper *k)
{
	for (size_t i = 0; i < SCAN_BOARDS; i++) {
		struct generation *g = &k->g[i];

		if (g->phase == NOBODY || !deadline_passed(g->kill_at))
			continue;
		log_warn(
		    NULL, NULL, "scanners' engine process %d does not end: killed", (int)g->pid);
		kill(g->pid, SIGKILL);
		g->kill_at = deadline_never();
	}
	if (deadline_passed(k->retry_at)) {
		k->retry_at = deadline_in_ms(KEEPER_RETRY_MS);
		if (keeper_in_phase(k, SERVING) != NULL)
			keeper_want(k, WISH_RETRY);
	}
	if (deadline_passed(k->ready_at)) {
		k->ready_at = deadline_never();
		if (!k->told_ready)
			log_warn(NULL, NULL, "scanners: engines are still being loaded");
		keeper_ready(k);
	}
	keeper_start_wanted(k);
}

static int
wait_ms(const struct keeper *k)
{
	struct deadline next = deadline_in_ms(k->stopping ? TICK_MS / 10 : TICK_MS);

	if (k->wish != CONTENT && !deadline_passed(k->not_before))
		next = deadline_min(next, k->not_before);
	return deadline_poll_ms(next);
}

static void
loop(struct keeper *k)
{
	struct signalfd_siginfo si;
	struct pollfd p[2 + SCAN_BOARDS];

	while (!k->stopping || (!nobody_asks(k) && !deadline_passed(k->stop_at))) {
		on_time(k);
		p[0] = (struct pollfd){ .fd = k->sigfd, .events = POLLIN };
		/* At its end it would be readable for ever. */
		p[1] = (struct pollfd){ .fd = k->stopping ? -1 : k->o->worker->orders,
			.events = POLLIN };
		for (size_t i = 0; i < SCAN_BOARDS; i++)
			p[2 + i] = (struct pollfd){ .fd = k->g[i].control, .events = POLLIN };
		if (poll(p, nitems(p), wait_ms(k)) <= 0)
			continue;
		for (size_t i = 0; i < SCAN_BOARDS; i++)
			if (p[2 + i].revents != 0 && k->g[i].control == p[2 + i].fd)
				keeper_heard(k, &k->g[i]);
		if (p[0].revents != 0) {
			(void)!read(k->sigfd, &si, sizeof(si));
			keeper_bury(k);
		}
		if (p[1].revents != 0)
			obey(k);
	}
}

/* --- life --- */

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

static void
bury_for(struct keeper *k, int ms)
{
	struct deadline until = deadline_in_ms(ms);
	struct signalfd_siginfo si;

	for (keeper_bury(k); keeper_alive(k) > 0 && !deadline_passed(until); keeper_bury(k)) {
		struct pollfd p = { .fd = k->sigfd, .events = POLLIN };

		if (poll(&p, 1, deadline_poll_ms(until)) == 1)
			(void)!read(k->sigfd, &si, sizeof(si));
	}
}

/* Nobody asks any more: what a scanner still has nobody waits for. */
static void
end_all(struct keeper *k)
{
	k->ending = 1;
	for (size_t i = 0; i < SCAN_BOARDS; i++) {
		if (k->g[i].phase == NOBODY)
			continue;
		if (k->g[i].phase == LOADING) /* it does not listen */
			kill(k->g[i].pid, SIGKILL);
		keeper_retire(k, &k->g[i]);
	}
	bury_for(k, END_MS);
	for (size_t i = 0; i < SCAN_BOARDS; i++)
		if (k->g[i].phase != NOBODY)
			kill(k->g[i].pid, SIGKILL);
	bury_for(k, END_MS);
	if (k->folder != NULL) {
		scan_folder_remove(k->folder);
		close(k->folder_fd);
		free(k->folder);
	}
	close(k->sigfd);
}

int
scan_keeper_run(const struct scan_keeper_options *o)
{
	struct keeper k = { .o = o,
		.next_number = 1,
		.folder_fd = -1,
		.wish = WISH_NONE_THERE,
		.not_before = deadline_in_ms(0),
		.retry_at = deadline_never(),
		.ready_at = deadline_in_ms(READY_MS),
		.delay_ms = KEEPER_DELAY_MIN_MS };

	for (size_t i = 0; i < SCAN_BOARDS; i++)
		k.g[i].control = -1;
	/* One that was before may have left its word. */
	scan_state_serves(o->state, -1);
	scan_state_set_down(o->state, NULL);
	if (o->program->configure(o->program->arg, &k.limits) == -1)
		return EX_CONFIG;
	if ((k.sigfd = catch_deaths()) == -1) {
		log_error(NULL, NULL, "signalfd: %s", strerror(errno));
		return EX_OSERR;
	}
	loop(&k);
	end_all(&k);
	return 0;
}
