#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "proc/proc.h"
#include "proc/scan_folder.h"
#include "proc/scan_generation.h"
#include "proc/scan_keeper.h"

#define TICK_MS      1000
#define RETRY_MS     10000
#define DELAY_MIN_MS 250
#define DELAY_MAX_MS 30000
#define STABLE_MS    60000
#define READY_MS     60000 /* mail does not wait for longer for the first engines */
#define GRACE_MS     5000
#define END_MS       1000
#define AT_A_TIME    3 /* of SCAN_BOARDS; one may be on its way out twice */

enum phase {
	NOBODY,
	LOADING,
	STARTING, /* told to go on: its scanners are being forked */
	SERVING,
	RETIRING,
};

/* Why another one is wanted; the strongest counts. */
enum wish { CONTENT, WISH_RETRY, WISH_CHANGED, WISH_ORDERED, WISH_NONE_THERE };

struct generation { /* its number is its board's */
	enum phase phase;
	enum wish wish;
	pid_t pid;
	int control;
	int64_t number, born_ms;
	char *folder;
	struct deadline kill_at;
	struct scan_report report;
};

struct keeper {
	const struct scan_keeper_options *o;
	struct scan_limits limits;
	struct generation g[SCAN_BOARDS];
	int64_t next_number;
	char *folder; /* NULL: none now */
	int folder_fd, sigfd;
	enum wish wish;
	struct deadline not_before, retry_at, ready_at;
	int delay_ms, told_ready;
	int stopping, ending;
	struct deadline stop_at;
	char refused[SCAN_WHY_MAX]; /* said already: why what was loaded last is not used */
};

static struct generation *
in_phase(struct keeper *k, enum phase phase)
{
	for (size_t i = 0; i < SCAN_BOARDS; i++)
		if (k->g[i].phase == phase)
			return &k->g[i];
	return NULL;
}

static size_t
count_alive(const struct keeper *k)
{
	size_t n = 0;

	for (size_t i = 0; i < SCAN_BOARDS; i++)
		n += k->g[i].phase != NOBODY;
	return n;
}

static int
board_of(const struct keeper *k, const struct generation *g)
{
	return (int)(g - k->g);
}

static void
order(struct generation *g, char what)
{
	(void)send(g->control, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
want(struct keeper *k, enum wish wish)
{
	if (wish > k->wish)
		k->wish = wish;
}

static void
later(struct keeper *k)
{
	k->not_before = deadline_in_ms(k->delay_ms);
	k->delay_ms = k->delay_ms > DELAY_MAX_MS / 2 ? DELAY_MAX_MS : 2 * k->delay_ms;
}

static int
retry_ms(const struct keeper *k)
{
	return k->o->retry_ms > 0 ? k->o->retry_ms : RETRY_MS;
}

/* Once, whatever comes of it: a filterd that waits for its engines answers mail all the same. */
static void
ready(struct keeper *k)
{
	if (!k->told_ready)
		proc_worker_ready(k->o->worker);
	k->told_ready = 1;
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

static ATTR_NORETURN void
live(struct keeper *k, struct generation *g, int control, pid_t parent)
{
	struct scan_generation_options o = { .program = k->o->program,
		.limits = &k->limits,
		.state = k->o->state,
		.board = board_of(k, g),
		.number = g->number,
		.jobs = k->o->jobs,
		.control = control,
		.folder = g->folder,
		.keeper = parent };

	scan_dies_with(parent);
	for (size_t i = 0; i < SCAN_BOARDS; i++)
		if (k->g[i].control != -1)
			close(k->g[i].control);
	close(k->sigfd);
	close(k->folder_fd); /* the lock is the keeper's alone */
	close(k->o->worker->orders);
	/* How others fare: nothing for whoever may take over a scanner. */
	munmap(
	    (void *)(uintptr_t)k->o->worker->states, k->o->nroles * sizeof(*k->o->worker->states));
	scan_generation_live(&o);
}

static int
start(struct keeper *k, struct err *err)
{
	struct generation *g = in_phase(k, NOBODY);
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
	scan_state_clear(k->o->state, board_of(k, g));
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
	g->kill_at = deadline_never();
	k->wish = CONTENT;
	return 0;
}

static void
start_wanted(struct keeper *k)
{
	struct err err = { 0 };

	if (k->wish == CONTENT || !deadline_passed(k->not_before) || in_phase(k, LOADING) != NULL ||
	    in_phase(k, STARTING) != NULL || count_alive(k) >= AT_A_TIME)
		return;
	/* Going away, nothing is loaded aside any more. */
	if (k->stopping && k->wish != WISH_NONE_THERE) {
		k->wish = CONTENT;
		return;
	}
	if (start(k, &err) == 0)
		return;
	log_error(NULL, NULL, "scanners: %s", err.text);
	if (in_phase(k, SERVING) == NULL)
		scan_state_set_down(k->o->state, err.text);
	ready(k);
	later(k);
}

/* --- loaded: is it to take over? --- */

static void
retire(struct keeper *k, struct generation *g)
{
	order(g, GENERATION_RETIRE);
	g->phase = RETIRING;
	g->kill_at = deadline_in_ms(k->limits.time_limit_ms + GRACE_MS);
}

static const struct scan_plugin *
plugin_of(const struct scan_report *r, const char *name)
{
	for (size_t i = 0; i < r->nplugins; i++)
		if (strcmp(r->plugins[i].name, name) == 0)
			return &r->plugins[i];
	return NULL;
}

static int
all_loaded(const struct scan_report *r)
{
	for (size_t i = 0; i < r->nplugins; i++)
		if (!r->plugins[i].ok)
			return 0;
	return 1;
}

/* What the old one has loaded and the new one has not, or NULL. */
static const struct scan_plugin *
lost(const struct scan_report *old, const struct scan_report *new)
{
	for (size_t i = 0; i < new->nplugins; i++) {
		const struct scan_plugin *was = plugin_of(old, new->plugins[i].name);

		if (!new->plugins[i].ok && was != NULL && was->ok)
			return &new->plugins[i];
	}
	return NULL;
}

static int
gained(const struct scan_report *old, const struct scan_report *new)
{
	for (size_t i = 0; i < new->nplugins; i++) {
		const struct scan_plugin *was = plugin_of(old, new->plugins[i].name);

		if (new->plugins[i].ok && (was == NULL || !was->ok))
			return 1;
	}
	return 0;
}

static void
refuse(struct keeper *k, struct generation *g, const struct scan_plugin *why)
{
	char text[SCAN_WHY_MAX];

	snprintf(text, sizeof(text), "%s: %.*s", why->name, (int)(sizeof(text) / 2), why->text);
	scan_state_add(k->o->state, SCAN_REFUSED, 1);
	if (strcmp(text, k->refused) != 0)
		log_error(NULL, NULL, "%s: what was loaded before stays in use", text);
	memcpy(k->refused, text, sizeof(text));
	retire(k, g);
	want(k, g->wish);
	k->not_before = deadline_in_ms(retry_ms(k));
}

static void
tell_failures(const struct scan_report *r)
{
	for (size_t i = 0; i < r->nplugins; i++)
		if (!r->plugins[i].ok)
			log_error(NULL, NULL, "%s: %s: its scans fail", r->plugins[i].name,
			    r->plugins[i].text);
}

static void
loaded(struct keeper *k, struct generation *g)
{
	struct generation *old = in_phase(k, SERVING);
	const struct scan_plugin *why;

	scan_state_get_report(k->o->state, board_of(k, g), &g->report);
	if (!all_loaded(&g->report))
		k->retry_at = deadline_in_ms(retry_ms(k));
	why = old == NULL ? NULL : lost(&old->report, &g->report);
	if (why != NULL) {
		refuse(k, g, why);
	} else if (old != NULL && g->wish == WISH_RETRY && !gained(&old->report, &g->report)) {
		/* Still the same; it has been said. */
		retire(k, g);
	} else {
		if (g->wish != WISH_RETRY)
			tell_failures(&g->report);
		order(g, GENERATION_GO);
		g->phase = STARTING;
	}
}

/* --- serving --- */

static int
all_idle(const struct scan_report *r)
{
	for (size_t i = 0; i < r->nplugins; i++)
		if (!r->plugins[i].idle)
			return 0;
	return 1;
}

static void
tell_in_use(const struct generation *g)
{
	for (size_t i = 0; i < g->report.nplugins; i++)
		if (g->report.plugins[i].ok)
			log_info(NULL, NULL, "%s: %s: in use", g->report.plugins[i].name,
			    g->report.plugins[i].text);
}

static void
serves(struct keeper *k, struct generation *g)
{
	struct generation *old = in_phase(k, SERVING);

	g->phase = SERVING;
	scan_state_serves(k->o->state, board_of(k, g));
	scan_state_set_down(
	    k->o->state, all_idle(&g->report) ? "none is needed by this configuration" : NULL);
	scan_state_add(k->o->state, SCAN_ENGINES, 1);
	k->refused[0] = '\0';
	/* What the old one saw, this one has. */
	if (k->wish <= WISH_CHANGED)
		k->wish = CONTENT;
	k->retry_at = all_loaded(&g->report) ? deadline_never() : deadline_in_ms(retry_ms(k));
	tell_in_use(g);
	if (old != NULL && old != g)
		retire(k, old);
	ready(k);
}

static void
broken(struct keeper *k, struct generation *g, const char *why)
{
	struct generation *old = in_phase(k, SERVING);

	if (old == NULL || old == g)
		scan_state_set_down(k->o->state, why[0] == '\0' ? "they do not start" : why);
	ready(k);
	if (g->phase != STARTING && g->phase != SERVING)
		return;
	if (g->phase == SERVING)
		scan_state_serves(k->o->state, -1);
	retire(k, g);
	want(k, old == NULL || old == g ? WISH_NONE_THERE : WISH_CHANGED);
	later(k);
}

static void
heard(struct keeper *k, struct generation *g)
{
	char text[SCAN_WHY_MAX + 2];
	ssize_t n = recv(g->control, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n == 0) { /* SIGCHLD tells the rest */
		close(g->control);
		g->control = -1;
	}
	if (n <= 0)
		return;
	text[n] = '\0';
	switch (text[0]) {
	case GENERATION_LOADED:
		if (g->phase == LOADING)
			loaded(k, g);
		break;
	case GENERATION_SERVES:
		if (g->phase == STARTING)
			serves(k, g);
		break;
	case GENERATION_BROKEN:
		broken(k, g, text + 1);
		break;
	case GENERATION_CHANGED:
		if (g->phase == SERVING)
			want(k, WISH_CHANGED);
		break;
	case GENERATION_RETRY:
		if (g->phase == SERVING)
			want(k, WISH_RETRY);
		break;
	}
}

/* --- death --- */

static void
describe(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "died of signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "ended with status %d", WEXITSTATUS(status));
}

static void
died(struct keeper *k, struct generation *g, int status)
{
	enum phase was = g->phase;
	char how[100], why[150];
	int64_t lived = clock_ms() - g->born_ms;

	describe(status, how, sizeof(how));
	if (!k->ending && (was != RETIRING || WIFSIGNALED(status) || WEXITSTATUS(status) != 0))
		log_error(NULL, NULL, "scanners' engine process %d %s%s", (int)g->pid, how,
		    was == LOADING ? " while it loaded" : "");
	if (g->control != -1)
		close(g->control);
	scan_folder_remove(g->folder);
	free(g->folder);
	g->control = -1;
	g->folder = NULL;
	g->phase = NOBODY;
	if (was == RETIRING)
		return;
	if (was == SERVING)
		scan_state_serves(k->o->state, -1);
	if (in_phase(k, SERVING) != NULL) {
		scan_state_add(k->o->state, SCAN_REFUSED, 1);
		want(k, g->wish);
		k->not_before = deadline_in_ms(retry_ms(k));
		return;
	}
	want(k, WISH_NONE_THERE);
	if (was != SERVING) {
		snprintf(why, sizeof(why), "the process that loads engines %s", how);
		scan_state_set_down(k->o->state, why);
		ready(k);
	}
	if (lived >= STABLE_MS)
		k->delay_ms = DELAY_MIN_MS;
	later(k);
}

static void
bury(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < SCAN_BOARDS; i++) {
			struct generation *g = &k->g[i];

			if (g->phase == NOBODY || g->pid != pid)
				continue;
			while (g->control != -1 && g->phase != RETIRING) {
				struct pollfd p = { .fd = g->control, .events = POLLIN };

				if (poll(&p, 1, 0) != 1)
					break;
				heard(k, g); /* its last words */
			}
			died(k, g, status);
		}
}

/* --- orders --- */

static void
reload(struct keeper *k)
{
	if (k->o->program->configure(k->o->program->arg, &k->limits) == 0)
		want(k, WISH_ORDERED);
}

static void
begin_stop(struct keeper *k)
{
	if (k->stopping)
		return;
	k->stopping = 1;
	k->stop_at = deadline_in_ms(k->o->stop_time_limit_ms);
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
				order(&k->g[i], GENERATION_REOPEN);
	}
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		begin_stop(k);
	if (reloads && !k->stopping)
		reload(k);
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
		k->retry_at = deadline_in_ms(retry_ms(k));
		if (in_phase(k, SERVING) != NULL)
			want(k, WISH_RETRY);
	}
	if (deadline_passed(k->ready_at)) {
		k->ready_at = deadline_never();
		if (!k->told_ready)
			log_warn(NULL, NULL, "scanners: engines are still being loaded");
		ready(k);
	}
	start_wanted(k);
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
				heard(k, &k->g[i]);
		if (p[0].revents != 0) {
			(void)!read(k->sigfd, &si, sizeof(si));
			bury(k);
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

	for (bury(k); count_alive(k) > 0 && !deadline_passed(until); bury(k)) {
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
		retire(k, &k->g[i]);
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
		.delay_ms = DELAY_MIN_MS };

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
