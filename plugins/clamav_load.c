/*
 * Make an engine: load the databases and the canary, compile, and see that it finds
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugins/clamav_engine.h"

/* A database that was put there so many seconds ago is news to one who failed to load it before. */
#define FRESH_S 3

static int
load_database(struct clam_engine *e, const struct filterd_value *v, char *why, size_t size)
{
	struct clam_heard heard = { 0 };
	cl_error_t rc;

	e->state = clam_database_state(e->database);
	if (e->state == 0) {
		snprintf(why, size, "%s: there is no database", e->database);
		return -1;
	}
	clam_hear(&heard);
	rc = cl_load(e->database, e->cl, &e->signatures, clam_engine_load_options(v));
	clam_hear(NULL);
	/* The values are there for this call alone. */
	cl_engine_set_clcb_sigload(e->cl, NULL, NULL);
	if (rc != CL_SUCCESS) {
		snprintf(why, size, "%s: %s%s%s", e->database, cl_strerror(rc),
		    heard.errors > 0 ? ": " : "", heard.first);
		return -1;
	}
	if (e->signatures > 0)
		return 0;
	snprintf(why, size, "%s: there is no signature in it", e->database);
	return -1;
}

static int
compile(struct clam_engine *e, char *why, size_t size)
{
	cl_error_t rc;

	clam_scan_callbacks(e->cl);
	rc = cl_engine_compile(e->cl);
	if (rc == CL_SUCCESS)
		return 0;
	snprintf(why, size, "%s: %s", e->database, cl_strerror(rc));
	return -1;
}

/* With a folder for the canary and what is temporary while it is looked for. */
static int
load(struct clam_engine *e, const struct filterd_value *v, struct clam_canary *c, char *why,
    size_t size)
{
	cl_error_t rc = cl_init(CL_INIT_DEFAULT);

	if (rc != CL_SUCCESS || (e->cl = cl_engine_new()) == NULL) {
		snprintf(why, size, "libclamav: %s", cl_strerror(rc == CL_SUCCESS ? CL_EMEM : rc));
		return -1;
	}
	if (clam_engine_set(e, v, why, size) == -1 || clam_canary_make(c, why, size) == -1)
		return -1;
	rc = cl_engine_set_str(e->cl, CL_ENGINE_TMPDIR, c->folder);
	if (rc != CL_SUCCESS) {
		snprintf(why, size, "%s: %s", c->folder, cl_strerror(rc));
		return -1;
	}
	/* The canary last: what the site's files do to signatures, they do to it. */
	if (load_database(e, v, why, size) == -1 || clam_canary_load(c, e->cl, why, size) == -1 ||
	    compile(e, why, size) == -1)
		return -1;
	return clam_canary_check(c, e, why, size);
}

int
clam_scan_open(const struct filterd_host *host, const struct filterd_value *v, void **engine,
    char *why, size_t size)
{
	struct clam_canary canary = { .folder = "" };
	struct clam_engine *e;
	int rc;

	if (clam_host == NULL)
		clam_host = host;
	*engine = NULL;
	if (v[CLAM_P_ENGINE].number == CLAM_CLAMD)
		return 0;
	e = calloc(1, sizeof(*e));
	if (e == NULL || (e->database = strdup(v[CLAM_P_DATABASE].text)) == NULL) {
		snprintf(why, size, "out of memory");
		free(e);
		return -1;
	}
	e->host = host;
	e->folder = -1;
	rc = load(e, v, &canary, why, size);
	clam_canary_remove(&canary);
	if (rc == -1) {
		clam_scan_close(e);
		return -1;
	}
	*engine = e;
	return 0;
}

void
clam_scan_close(void *engine)
{
	struct clam_engine *e = engine;

	if (e == NULL)
		return;
	if (e->cl != NULL)
		cl_engine_free(e->cl);
	if (e->folder != -1)
		close(e->folder);
	free(e->database);
	free(e);
}

/* Each change is told of once: one that cannot be loaded is not to be tried again and again, and
 * whatever is done about it is a change again. */
int
clam_scan_changed(void *engine, const struct filterd_value *v)
{
	struct clam_engine *e = engine;
	uint64_t now;

	if (e == NULL)
		return v[CLAM_P_ENGINE].number == CLAM_LIBCLAMAV &&
		       clam_database_is_fresh(v[CLAM_P_DATABASE].text, FRESH_S);
	now = clam_database_state(e->database);
	if (now == e->state)
		return 0;
	e->state = now;
	return 1;
}

int
clam_scan_begin(void *engine, const char *folder, char *why, size_t size)
{
	struct clam_engine *e = engine;
	cl_error_t rc;

	if (e == NULL)
		return 0;
	rc = cl_engine_set_str(e->cl, CL_ENGINE_TMPDIR, folder);
	if (rc != CL_SUCCESS) {
		snprintf(why, size, "%s: %s", folder, cl_strerror(rc));
		return -1;
	}
	e->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->folder != -1)
		return 0;
	snprintf(why, size, "%s: %s", folder, strerror(errno));
	return -1;
}

void
clam_scan_describe(void *engine, char *out, size_t size)
{
	const struct clam_engine *e = engine;
	struct tm tm;
	char when[32] = "-";
	time_t t;
	int err = 0;

	if (e == NULL) {
		snprintf(out, size, "engine=clamd");
		return;
	}
	t = (time_t)cl_engine_get_num(e->cl, CL_ENGINE_DB_TIME, &err);
	if (err == 0 && t > 0 && gmtime_r(&t, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(out, size, "signatures=%u version=%lld made=%s libclamav=%s", e->signatures,
	    cl_engine_get_num(e->cl, CL_ENGINE_DB_VERSION, &err), when, cl_retver());
}
