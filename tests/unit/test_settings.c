/* The process's own parameters.  The configuration is a fake: a path, parameters, and listeners
 * that the test fills in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "ctl/settings.h"
#include "engine/snapshot.h"

/* --- the fake --- */

struct conf {
	struct params params, own[2];
	struct conf_listener listeners[2];
	size_t nlisteners;
};

struct snapshot {
	int unused;
};

struct fakes {
	struct conf conf;
	struct snapshot snapshot;
	int load_fails, build_fails, freed;
};
static struct fakes fake;

struct conf *
conf_read(const char *path, conf_report_fn *report, void *arg, int *errors)
{
	struct conf_finding f = { CONF_ERROR, path, 3, "the file" };

	*errors = fake.load_fails;
	if (fake.load_fails)
		report(arg, &f);
	return &fake.conf;
}

struct snapshot *
snapshot_build(struct conf *conf, struct counters *counters, conf_report_fn *report, void *arg)
{
	struct conf_finding f = { CONF_ERROR, "rules", 7, "a rule" };

	(void)counters;
	assert_ptr_equal(conf, &fake.conf);
	if (!fake.build_fails)
		return &fake.snapshot;
	report(arg, &f);
	return NULL;
}

void
snapshot_unref(struct snapshot *s)
{
	assert_ptr_equal(s, &fake.snapshot);
	fake.freed++;
}

const char *
conf_path(const struct conf *c)
{
	(void)c;
	return "/etc/test.cf";
}

const struct params *
conf_params(const struct conf *c)
{
	return &c->params;
}

size_t
conf_listener_count(const struct conf *c)
{
	return c->nlisteners;
}

const struct conf_listener *
conf_listener(const struct conf *c, size_t i)
{
	return &c->listeners[i];
}

int
conf_where(const struct conf *c, const char *parameter, const char **file)
{
	(void)c;
	*file = strcmp(parameter, "log_to") == 0 ? "/etc/log.cf" : NULL;
	return *file == NULL ? 0 : 12;
}

#define set_STR(f, def)  (f) = (def)
#define set_RAW(f, def)  (f) = (def)
#define set_LIST(f, def) (f) = (def)
#define set_BOOL(f, def) (f) = 0
#define set_INT(f, def)  (f) = 0
#define set_TIME(f, def) (f) = 0
#define set_SIZE(f, def) (f) = 0
#define set_ENUM(f, def) (f) = 0

static void
defaults(struct params *p)
{
#define P(kind, name, def, min, max, flags, text) set_##kind(p->name, def);
#include "conf/params.def"
#undef P
}

static void
conf_fake(struct conf *c, size_t nlisteners)
{
	static char names[][4] = { "one", "two" };

	memset(c, 0, sizeof(*c));
	defaults(&c->params);
	c->nlisteners = nlisteners;
	for (size_t i = 0; i < nlisteners; i++) {
		defaults(&c->own[i]);
		c->listeners[i].params = &c->own[i];
		c->listeners[i].name = names[i];
	}
}

static void
collect(void *arg, const struct conf_finding *f)
{
	char line[700];

	settings_format_finding(f, line, sizeof(line));
	buf_printf(arg, "%s\n", line);
}

/* --- tests --- */

static const struct {
	const char *log_to, *facility;
	int target; /* -1: an error */
	const char *complaint;
} log_cases[] = {
	{ "syslog", "mail", LOG_TO_SYSLOG, NULL },
	{ "stderr", "LOCAL3", LOG_TO_STDERR, NULL }, /* as main.cf's, in any case */
	{ "/var/log/x", "daemon", LOG_TO_FILE, NULL },
	{ "var/log/x", "mail", -1, "log_to: \"var/log/x\" must be" }, /* a daemon has no folder */
	{ "", "mail", -1, "log_to: \"\" must be" },
	{ "Syslog", "mail", -1, "log_to: \"Syslog\" must be" },
	{ "syslog", "mial", -1, "did you mean \"mail\"?" },
	{ "syslog", "", -1, "is no facility" },
};

static void
test_log(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(log_cases); i++) {
		struct params p;
		struct log_options o;
		struct err err = { 0 };

		defaults(&p);
		p.log_to = log_cases[i].log_to;
		p.syslog_facility = log_cases[i].facility;
		p.log_format = 1;
		p.log_level = LOG_LEVEL_DEBUG;
		if (log_cases[i].target == -1) {
			assert_int_equal(settings_log(&p, &o, &err), -1);
			assert_int_equal(err.class, ERR_CONFIG);
			if (strstr(err.text, log_cases[i].complaint) == NULL)
				fail_msg("%s", err.text);
			continue;
		}
		assert_int_equal(settings_log(&p, &o, &err), 0);
		assert_int_equal(o.target, log_cases[i].target);
		assert_int_equal(o.json, 1);
		assert_int_equal(o.level, LOG_LEVEL_DEBUG);
		if (o.target == LOG_TO_FILE)
			assert_string_equal(o.path, "/var/log/x");
		if (o.target == LOG_TO_STDERR)
			assert_int_equal(o.facility, LOG_LOCAL3);
	}
}

static const struct {
	const char *mode;
	int rc;
	unsigned bits;
} mode_cases[] = {
	{ "0660", 0, 0660 },
	{ "666", 0, 0666 }, /* octal without the zero */
	{ "0", 0, 0 },
	{ "0888", -1, 0 },
	{ "01777", -1, 0 }, /* permission bits only */
	{ "", -1, 0 },
	{ "-1", -1, 0 },   /* strtoul(3) would take it */
	{ " 660", -1, 0 }, /* and this */
	{ "660x", -1, 0 },
};

static void
test_listen(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(mode_cases); i++) {
		struct params p;
		struct listen_options o;
		struct err err = { 0 };

		defaults(&p);
		p.socket_mode = mode_cases[i].mode;
		assert_int_equal(settings_listen(&p, &o, &err), mode_cases[i].rc);
		if (mode_cases[i].rc == 0) {
			assert_int_equal(o.mode, mode_cases[i].bits);
			assert_true(o.backlog >= 1024);
			assert_null(o.group);
		}
		p.socket_mode = "0660";
		p.socket_group = "postfix";
		assert_int_equal(settings_listen(&p, &o, &err), 0);
		assert_string_equal(o.group, "postfix");
	}
}

static void
test_format(void **state)
{
	static const struct {
		struct conf_finding f;
		const char *line;
	} cases[] = {
		{ { CONF_ERROR, "f", 3, "text" }, "error: f:3: text" },
		{ { CONF_WARNING, "f", 0, "text" }, "warning: f: text" },
		{ { CONF_NOTE, NULL, 9, "text" }, "note: text" },
	};
	char line[700];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		settings_format_finding(&cases[i].f, line, sizeof(line));
		assert_string_equal(line, cases[i].line);
	}
}

/* All that is wrong is told, with the place where it was set if it was. */
static void
test_check(void **state)
{
	struct buf b = { 0 };
	struct conf *c = &fake.conf;

	(void)state;
	conf_fake(c, 2);
	assert_int_equal(settings_check(c, collect, &b), 0);
	assert_string_equal(buf_cstr(&b), "");
	c->params.log_to = "here";
	c->params.control_socket = "control";
	c->params.hold_directory = "";
	c->params.pid_file = "pid";
	c->own[1].socket_mode = "rw";
	assert_int_equal(settings_check(c, collect, &b), 5);
	assert_string_equal(buf_cstr(&b),
	    "error: /etc/log.cf:12: log_to: \"here\" must be syslog, stderr or the absolute path "
	    "of a file\n"
	    "error: /etc/test.cf: control_socket: \"control\" must be an absolute path\n"
	    "error: /etc/test.cf: hold_directory: \"\" must be an absolute path\n"
	    "error: /etc/test.cf: pid_file: \"pid\" must be an absolute path\n"
	    "error: /etc/test.cf: listener two: socket_mode: \"rw\" must be permission bits in "
	    "octal, such as 0660\n");
	buf_reset(&b);
	conf_fake(c, 0);
	assert_int_equal(settings_check(c, collect, &b), 1);
	assert_non_null(strstr(buf_cstr(&b), "at least one is needed"));
	buf_fini(&b);
}

#define THE_FILE "error: x.cf:3: the file\n"
#define PID_FILE "error: /etc/test.cf: pid_file: \"x\" must be an absolute path\n"
#define A_RULE   "error: rules:7: a rule\n"

static const struct {
	int load_fails, check_fails, build_fails, no_listener;
	const char *told;
} load_cases[] = {
	{ 0, 0, 0, 0, "" },
	{ 1, 0, 0, 0, THE_FILE },
	{ 1, 1, 1, 0, THE_FILE PID_FILE A_RULE }, /* all of it is looked at */
	{ 1, 1, 1, 1, THE_FILE A_RULE },          /* there may be one that was not understood */
	{ 0, 0, 1, 0, A_RULE },
	{ 0, 1, 0, 0, PID_FILE },
	{ 0, 1, 1, 0, PID_FILE A_RULE },
};

static void
test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(load_cases); i++) {
		struct buf b = { 0 };
		struct snapshot *s;

		memset(&fake, 0, sizeof(fake));
		conf_fake(&fake.conf, !load_cases[i].no_listener);
		fake.load_fails = load_cases[i].load_fails;
		fake.build_fails = load_cases[i].build_fails;
		if (load_cases[i].check_fails)
			fake.conf.params.pid_file = "x";
		s = settings_load("x.cf", NULL, collect, &b);
		assert_string_equal(buf_cstr(&b), load_cases[i].told);
		if (load_cases[i].told[0] == '\0')
			assert_ptr_equal(s, &fake.snapshot);
		else
			assert_null(s);
		/* What was built for nothing is let go of. */
		assert_int_equal(
		    fake.freed, (load_cases[i].check_fails || load_cases[i].load_fails) &&
				    !load_cases[i].build_fails);
		buf_fini(&b);
	}
}

static void
told(void *arg, const char *where, const char *name)
{
	buf_printf(arg, "%s/%s ", where == NULL ? "" : where, name);
}

static void
test_restart(void **state)
{
	struct conf old, new_conf;
	struct buf b = { 0 };

	(void)state;
	conf_fake(&old, 2);
	conf_fake(&new_conf, 2);
	new_conf.params.listeners = "{ something else }"; /* compared as sockets, elsewhere */
	new_conf.params.log_to = "stderr";                /* taken over by a reload */
	settings_restart_each(&old, &new_conf, told, &b);
	assert_string_equal(buf_cstr(&b), "");
	/* A file's value shows in every listener and is told once. */
	new_conf.params.filter_user = new_conf.own[0].filter_user = new_conf.own[1].filter_user =
	    "other";
	new_conf.params.worker_threads = 8;
	new_conf.own[1].socket_group = "postfix";
	settings_restart_each(&old, &new_conf, told, &b);
	assert_string_equal(buf_cstr(&b), "/filter_user /worker_threads two/socket_group ");
	buf_fini(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
