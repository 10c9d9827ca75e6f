/* filterctl types - the table types there are, and what plugins bring */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl_cmd.h"
#include "plugins/filterd_plugin.h"
#include "table/table.h"

static void
show(void *arg, const char *type, const char *text)
{
	(void)arg;
	printf("%-10s %s\n", type, text);
}

/* What follows its name in a list. */
static const char *
argument(enum restriction_arg args)
{
	switch (args) {
	case ARG_TABLE:
		return " TABLE";
	case ARG_TEXT:
		return " TEXT";
	case ARG_SERVICE:
		return " SERVICE";
	case ARG_SECONDS:
		return " SECONDS";
	case ARG_NONE:
	case ARG_NEXT:
		break;
	}
	return "";
}

/* One line of a plugin's; what it is stands in front only where that changes. */
static void
line(const char **last, const char *what, const char *name, const char *more, const char *text)
{
	char full[200];

	snprintf(full, sizeof(full), "%s%s", name, more);
	printf("  %-12s %-34s %s\n", *last == what ? "" : what, full, text);
	*last = what;
}

static void
show_checks(const struct filterd_plugin *p, const char **last)
{
	for (const struct restriction_def *r = p->restrictions; r != NULL && r->name != NULL; r++)
		line(last, "restriction", r->name, argument(r->args), r->text);
	for (const struct filterd_scan *s = p->scans; s != NULL && s->name != NULL; s++)
		line(last, "scan", s->name, "", s->text);
	for (const struct filterd_table_type *t = p->tables; t != NULL && t->type != NULL; t++)
		line(last, "table type", t->type, "", t->text);
}

static void
show_facts(const struct filterd_plugin *p, const char **last)
{
	char value[100];

	for (const struct filterd_fact *f = p->facts; f != NULL && f->subject != NULL; f++) {
		snprintf(value, sizeof(value), "=%s", f->value == NULL ? "..." : f->value);
		line(last, "fact", f->subject, value, f->text);
	}
	for (const struct filterd_counter *c = p->counters; c != NULL && c->name != NULL; c++)
		line(last, "counter", c->name, "", c->text);
}

static void
show_params(const struct filterd_plugin *p, const char **last)
{
	for (const struct filterd_param *q = p->params; q != NULL && q->name != NULL; q++)
		line(last, "parameter", q->name, "", q->text);
	if (p->restrictions != NULL && p->restrictions[0].name != NULL)
		line(last, "parameter", p->name, "_on_failure",
		    "What becomes of a message of which something could not be found out: defer, "
		    "hold, tag or accept.");
}

static void
show_plugin(const struct filterd_plugin *p)
{
	const char *last = NULL;

	printf("\n%s %s: %s%s%s\n", p->name, p->version, p->text, p->manual == NULL ? "" : "; ",
	    p->manual == NULL ? "" : p->manual);
	show_checks(p, &last);
	show_facts(p, &last);
	show_params(p, &last);
}

int
ctl_types(const struct ctl_env *env, int argc, char **argv)
{
	struct conf *conf;
	int errors = 0;

	(void)argv;
	if (argc != 1)
		return ctl_usage("types");
	table_types_each(show, NULL);
	/* Types are there without a configuration. */
	if (access(env->config_path, F_OK) == -1)
		return 0;
	fflush(stdout);
	conf = conf_read(env->config_path, ctl_report_error, NULL, &errors);
	for (size_t i = 0; i < conf_plugin_count(conf); i++)
		show_plugin(conf_plugin(conf, i)->def);
	conf_free(conf);
	return errors == 0 ? 0 : EX_CONFIG;
}
