#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/xmem.h"
#include "ctl/ctl_cmd.h"
#include "ctl/settings.h"
#include "engine/snapshot.h"
#include "rules/content_checks.h"
#include "rules/rules.h"
#include "table/table.h"

struct check {
	const struct conf *conf;
	int count[CONF_NOTE + 1];
};

static void
report(void *arg, const struct conf_finding *f)
{
	struct check *c = arg;
	char line[700];

	c->count[f->severity]++;
	settings_format_finding(f, line, sizeof(line));
	puts(line);
}

static void tell(struct check *, enum conf_severity, const char *parameter,
    const struct conf_listener *, const char *fmt, ...) ATTR_PRINTF(5, 6);

/* With the line that set the parameter, or else the listener's. */
static void
tell(struct check *c, enum conf_severity severity, const char *parameter,
    const struct conf_listener *l, const char *fmt, ...)
{
	char text[600];
	struct conf_finding f = { .severity = severity, .text = text };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f.line = conf_where(c->conf, parameter, &f.file);
	if (f.file == NULL && l != NULL) {
		f.file = l->file;
		f.line = l->line;
	}
	report(c, &f);
}

static void
not_taken(void *arg, const struct conf_listener *l, const char *name, const char *file, int line)
{
	char text[600];
	struct conf_finding f = { CONF_NOTE, file, line, text };

	snprintf(text, sizeof(text),
	    "%s: not used by listener %s: in role after_queue it must be set in the listener "
	    "itself",
	    name, l->name);
	report(arg, &f);
}

static void
unused_parameter(void *arg, const char *name, const char *file, int line)
{
	char text[300];
	struct conf_finding f = { CONF_NOTE, file, line, text };

	snprintf(text, sizeof(text), "%s: Postfix's parameter, accepted and not used here", name);
	report(arg, &f);
}

/* --- one listener --- */

static void
check_bounces(struct check *c, const struct conf_listener *l)
{
	if (l->role == ROLE_AFTER_QUEUE && l->params->after_queue_reject == 0)
		tell(c, CONF_WARNING, "after_queue_reject", l,
		    "listener %s: after_queue_reject = reject: the Postfix in front turns a "
		    "refusal "
		    "into a bounce, to a forged sender if the message is spam; hold or discard "
		    "avoid that",
		    l->name);
}

static int
has_restrictions(const struct rules *r)
{
	for (int list = 0; list < RULE_LISTS; list++)
		if (rules_any(r, (enum rule_list_id)list))
			return 1;
	return 0;
}

static void
check_checks(struct check *c, const struct snap_listener *l)
{
	int policy = l->conf->kind == LISTENER_POLICY;

	if (has_restrictions(l->rules) || (!policy && content_checks_any(l->checks)))
		return;
	tell(c, CONF_NOTE, "listeners", l->conf,
	    policy ? "listener %s: no restrictions: every answer is DUNNO"
		   : "listener %s: no restrictions, no header_checks and no body_checks: all mail "
		     "passes",
	    l->conf->name);
}

/* Mail that comes back to us goes round until hopcount_limit. */
static void
check_loop(struct check *c, const struct snapshot *s, const struct snap_listener *l)
{
	for (size_t i = 0; i < snapshot_listener_count(s); i++) {
		const struct conf_listener *other = snapshot_listener(s, i)->conf;
		char to[400], at[400];

		endpoint_format(&l->next_hop.to, to, sizeof(to));
		endpoint_format(&other->endpoint, at, sizeof(at));
		if (strcmp(to, at) == 0)
			tell(c, CONF_WARNING, "next_hop", l->conf,
			    "listener %s: next_hop %s is filterd's own listener %s: mail will loop",
			    l->conf->name, l->next_hop.text, other->name);
	}
}

static void
explosive(void *arg, const struct table_finding *f)
{
	report(
	    arg, &(struct conf_finding){
		     .severity = CONF_WARNING, .file = f->file, .line = f->line, .text = f->text });
}

/* --- what the machine lacks --- */

static void
check_user(struct check *c, const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL)
		tell(c, CONF_WARNING, "filter_user", NULL,
		    "filter_user: there is no user %s: filterd started by root will not run", user);
	else if (pw->pw_uid == 0)
		tell(c, CONF_WARNING, "filter_user", NULL,
		    "filter_user: %s is root: filterd started by root will not run", user);
}

static void
check_folder(struct check *c, const char *parameter, const char *path)
{
	if (access(path, F_OK) == 0)
		return;
	if (errno == ENOENT)
		tell(c, CONF_NOTE, parameter, NULL, "%s: %s does not exist: filterd makes it",
		    parameter, path);
	else
		tell(c, CONF_WARNING, parameter, NULL, "%s: %s: %s", parameter, path,
		    strerror(errno));
}

static void
check_machine(struct check *c)
{
	const struct params *p = conf_params(c->conf);

	check_user(c, p->filter_user);
	check_folder(c, "state_directory", p->state_directory);
	check_folder(c, "spool_directory", p->spool_directory);
	check_folder(c, "hold_directory", p->hold_directory);
}

static int
totals(const struct check *c)
{
	printf("errors: %d, warnings: %d, notes: %d\n", c->count[CONF_ERROR],
	    c->count[CONF_WARNING], c->count[CONF_NOTE]);
	return c->count[CONF_ERROR] == 0 ? 0 : EX_CONFIG;
}

int
ctl_check(const struct ctl_env *env, int argc, char **argv)
{
	struct counters *counters;
	struct check c = { 0 };
	struct snapshot *s;

	(void)argv;
	if (argc != 1)
		return ctl_usage("check");
	counters = xcalloc(1, sizeof(*counters));
	s = settings_load(env->config_path, counters, report, &c);
	if (s != NULL) {
		c.conf = snapshot_conf(s);
		for (size_t i = 0; i < snapshot_listener_count(s); i++) {
			const struct snap_listener *l = snapshot_listener(s, i);

			check_checks(&c, l);
			/* A policy door gets no messages. */
			if (l->conf->kind == LISTENER_POLICY)
				continue;
			check_bounces(&c, l->conf);
			if (listener_kind_relays(l->conf->kind))
				check_loop(&c, s, l);
		}
		table_registry_lint(snapshot_tables(s), explosive, &c);
		check_machine(&c);
		conf_not_taken_each(c.conf, not_taken, &c);
		conf_unused_each(c.conf, unused_parameter, &c);
	}
	snapshot_unref(s);
	free(counters);
	return totals(&c);
}
