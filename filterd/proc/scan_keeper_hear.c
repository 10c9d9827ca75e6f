#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "proc/scan_folder.h"
#include "proc/scan_keeper_impl.h"

#define STABLE_MS 60000

/* --- loaded: is it to take over? --- */

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
	keeper_retire(k, g);
	keeper_want(k, g->wish);
	k->not_before = deadline_in_ms(KEEPER_RETRY_MS);
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
	struct generation *old = keeper_in_phase(k, SERVING);
	const struct scan_plugin *why;

	scan_state_get_report(k->o->state, keeper_board(k, g), &g->report);
	if (!all_loaded(&g->report))
		k->retry_at = deadline_in_ms(KEEPER_RETRY_MS);
	why = old == NULL ? NULL : lost(&old->report, &g->report);
	if (why != NULL) {
		refuse(k, g, why);
	} else if (old != NULL && g->wish == WISH_RETRY && !gained(&old->report, &g->report)) {
		/* Still the same; it has been said. */
		keeper_retire(k, g);
	} else {
		if (g->wish != WISH_RETRY)
			tell_failures(&g->report);
		keeper_order(g, GENERATION_GO);
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
	struct generation *old = keeper_in_phase(k, SERVING);

	g->phase = SERVING;
	g->kill_at = deadline_never();
	scan_state_serves(k->o->state, keeper_board(k, g));
	scan_state_set_down(
	    k->o->state, all_idle(&g->report) ? "none is needed by this configuration" : NULL);
	scan_state_add(k->o->state, SCAN_ENGINES, 1);
	k->refused[0] = '\0';
	/* What the old one saw, this one has. */
	if (k->wish <= WISH_CHANGED)
		k->wish = CONTENT;
	k->retry_at = all_loaded(&g->report) ? deadline_never() : deadline_in_ms(KEEPER_RETRY_MS);
	tell_in_use(g);
	if (old != NULL && old != g)
		keeper_retire(k, old);
	keeper_ready(k);
}

static void
broken(struct keeper *k, struct generation *g, const char *why)
{
	struct generation *old = keeper_in_phase(k, SERVING);

	if (old == NULL || old == g)
		scan_state_set_down(k->o->state, why[0] == '\0' ? "they do not start" : why);
	keeper_ready(k);
	if (g->phase != STARTING && g->phase != SERVING)
		return;
	if (g->phase == SERVING)
		scan_state_serves(k->o->state, -1);
	keeper_retire(k, g);
	keeper_want(k, old == NULL || old == g ? WISH_NONE_THERE : WISH_CHANGED);
	keeper_later(k);
}

void
keeper_heard(struct keeper *k, struct generation *g)
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
			keeper_want(k, WISH_CHANGED);
		break;
	case GENERATION_RETRY:
		if (g->phase == SERVING)
			keeper_want(k, WISH_RETRY);
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
	if (keeper_in_phase(k, SERVING) != NULL) {
		scan_state_add(k->o->state, SCAN_REFUSED, 1);
		keeper_want(k, g->wish);
		k->not_before = deadline_in_ms(KEEPER_RETRY_MS);
		return;
	}
	keeper_want(k, WISH_NONE_THERE);
	if (was != SERVING) {
		snprintf(why, sizeof(why), "the process that loads engines %s", how);
		scan_state_set_down(k->o->state, why);
		keeper_ready(k);
	}
	if (lived >= STABLE_MS)
		k->delay_ms = KEEPER_DELAY_MIN_MS;
	keeper_later(k);
}

void
keeper_bury(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->checks)
			keeper_check_done(k, status);
		for (size_t i = 0; i < SCAN_BOARDS; i++) {
			struct generation *g = &k->g[i];

			if (g->phase == NOBODY || g->pid != pid)
				continue;
			while (g->control != -1 && g->phase != RETIRING) {
				struct pollfd p = { .fd = g->control, .events = POLLIN };

				if (poll(&p, 1, 0) != 1)
					break;
				keeper_heard(k, g); /* its last words */
			}
			died(k, g, status);
		}
	}
}
