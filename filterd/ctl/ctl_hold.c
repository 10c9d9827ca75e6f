#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "client/pool.h"
#include "ctl/hold_cmd.h"
#include "ctl/settings.h"
#include "engine/snapshot.h"

#define USAGE                                                                                      \
	"hold list [--age TIME] [--sender TEXT] [--recipient TEXT] [--rule TEXT] [--json]\n"       \
	"       filterctl hold show ID [--json]\n"                                                 \
	"       filterctl hold release ID [RECIPIENT ...]\n"                                       \
	"       filterctl hold requeue ID ...\n"                                                   \
	"       filterctl hold delete ID ...\n"                                                    \
	"       filterctl hold reindex"

/* --- what all need --- */

static int
load(struct hold_cmd *h, const struct ctl_env *env, int sends)
{
	if (!sends) {
		h->conf = ctl_load_conf(env);
		if (h->conf != NULL)
			h->params = conf_params(h->conf);
	} else {
		h->counters = xcalloc(1, sizeof(*h->counters));
		h->snapshot = settings_load(env->config_path, h->counters, ctl_report_error, NULL);
		if (h->snapshot != NULL)
			h->params = conf_params(snapshot_conf(h->snapshot));
	}
	return h->params == NULL ? EX_CONFIG : 0;
}

static int
become_owner(const char *directory)
{
	struct passwd *pw;
	struct stat sb;

	if (stat(directory, &sb) == -1)
		return ctl_fail(EX_NOINPUT, "hold_directory %s: %s", directory, strerror(errno));
	if (geteuid() != 0 || sb.st_uid == 0)
		return 0;
	pw = getpwuid(sb.st_uid);
	if ((pw == NULL ? setgroups(0, NULL) : initgroups(pw->pw_name, pw->pw_gid)) == -1 ||
	    setresgid(sb.st_gid, sb.st_gid, sb.st_gid) == -1 ||
	    setresuid(sb.st_uid, sb.st_uid, sb.st_uid) == -1)
		return ctl_fail(
		    EX_OSERR, "cannot become the owner of %s: %s", directory, strerror(errno));
	return 0;
}

/* What is sent stands in the log with all other mail. */
static void
open_log(const struct params *p)
{
	struct log_options o;
	struct err err;

	if (settings_log(p, &o, &err) == -1 || log_open(&o, &err) == -1)
		ctl_fail(0, "%s: log lines come here", err.text);
}

static void
open_pool(struct hold_cmd *h)
{
	const struct params *p = h->params;
	const struct hop_options o = { .helo_name = p->service_name,
		.connect_timeout_ms = (int)p->smtp_connect_timeout,
		.helo_timeout_ms = (int)p->smtp_helo_timeout,
		.idle_limit_ms = (int)p->smtp_connection_cache_time_limit,
		.max_idle = (int)p->next_hop_connection_limit,
		.max_reuse = (int)p->smtp_connection_reuse_count_limit };

	h->pool = pool_new(&o, h->counters);
}

int
hold_cmd_open(struct hold_cmd *h, const struct ctl_env *env, int sends)
{
	struct hold_options o;
	struct err err;
	int rc;

	memset(h, 0, sizeof(*h));
	rc = load(h, env, sends);
	if (rc != 0)
		return rc;
	if (sends)
		open_log(h->params);
	rc = become_owner(h->params->hold_directory);
	if (rc != 0)
		return rc;
	o = (struct hold_options){ .directory = h->params->hold_directory,
		.max_age_s = h->params->hold_max_age / 1000,
		.max_size = h->params->hold_max_size,
		.min_free = h->params->hold_min_free };
	h->store = hold_open(&o, &err);
	if (h->store == NULL)
		return ctl_fail(EX_NOINPUT, "%s", err.text);
	if (sends)
		open_pool(h);
	return 0;
}

void
hold_cmd_close(struct hold_cmd *h)
{
	pool_free(h->pool);
	hold_close(h->store);
	snapshot_unref(h->snapshot);
	conf_free(h->conf);
	free(h->counters);
}

/* --- delete, reindex --- */

static int
hold_cmd_delete(struct hold_cmd *h, int argc, char **argv)
{
	struct err err;
	int status = 0;

	if (argc < 2)
		return ctl_usage("hold delete ID ...");
	for (int i = 1; i < argc; i++) {
		int rc = hold_delete(h->store, argv[i], &err);

		if (rc == 0)
			status = ctl_fail(1, "%s: no such held message", argv[i]);
		if (rc == -1)
			status = ctl_fail(EX_TEMPFAIL, "%s", err.text);
	}
	return status;
}

static int
hold_cmd_reindex(struct hold_cmd *h, int argc, char **argv)
{
	struct err err;
	size_t files;

	(void)argv;
	if (argc != 1)
		return ctl_usage("hold reindex");
	if (hold_reindex(h->store, &files, &err) == -1)
		return ctl_fail(EX_IOERR, "%s", err.text);
	printf("%zu held messages\n", files);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct hold_cmd *, int argc, char **argv);
	int sends;
} commands[] = {
	{ "delete", hold_cmd_delete, 0 },
	{ "list", hold_cmd_list, 0 },
	{ "reindex", hold_cmd_reindex, 0 },
	{ "release", hold_cmd_release, 1 },
	{ "requeue", hold_cmd_requeue, 1 },
	{ "show", hold_cmd_show, 0 },
};

int
ctl_hold(const struct ctl_env *env, int argc, char **argv)
{
	struct hold_cmd h;
	int rc;

	for (size_t i = 0; argc > 1 && i < nitems(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		rc = hold_cmd_open(&h, env, commands[i].sends);
		if (rc == 0)
			rc = commands[i].run(&h, argc - 1, argv + 1);
		hold_cmd_close(&h);
		return rc;
	}
	return ctl_usage(USAGE);
}
