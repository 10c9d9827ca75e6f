/*
 * filterctl query [-bhm] TYPE:NAME ... KEY - ask tables as `postmap -q` does
 *
 * KEY `-`: a key a line from standard input, or with -h and -b the header fields and body lines of
 * the message there, asked as header and body checks ask.  Several tables: the first that has the
 * key.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/xmem.h"
#include "conf/conf.h"
#include "ctl/ctl_cmd.h"
#include "mail/mime.h"
#include "rules/plugin.h"
#include "table/table.h"

#define USAGE "query [-b] [-h] [-m] TYPE:NAME ... KEY"

struct query {
	struct table **tables;
	int ntables;
	struct conf *conf; /* NULL: not needed so far */
	struct table_plugins plugins;
	struct arena *arena; /* of one look-up */
	int header, body;    /* -h, -b */
	int found;           /* keys */
	int status;          /* of a look-up that failed */
};

/* 1 with *value, 0, or -1 told. */
static int
look_up(struct query *q, struct span key, const char **value)
{
	struct table_hit hit;
	struct err err;
	int rc;

	for (int i = 0; i < q->ntables; i++) {
		err_clear(&err);
		if ((rc = table_get(q->tables[i], key, q->arena, &hit, &err)) == 0)
			continue;
		if (rc == -1)
			q->status = ctl_fail(
			    err.class == ERR_CONFIG ? EX_CONFIG : EX_TEMPFAIL, "%s", err.text);
		else
			*value = hit.value;
		return rc;
	}
	return 0;
}

/* One of many keys: print `key<TAB>value`.  -1: told. */
static int
show(struct query *q, struct span key)
{
	const char *value;
	int rc;

	arena_reset(q->arena);
	if ((rc = look_up(q, key, &value)) != 1)
		return rc;
	q->found++;
	fwrite(key.p, 1, key.len, stdout);
	printf("\t%s\n", value);
	return 0;
}

static int
ask_one(struct query *q, const char *key)
{
	const char *value;
	int rc;

	if ((rc = look_up(q, span_str(key), &value)) == -1)
		return q->status;
	if (rc == 0)
		return 1;
	puts(value);
	return 0;
}

static int
ask_lines(struct query *q)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		rc = show(q, span_make(line, (size_t)n));
	}
	free(line);
	return rc == -1 ? q->status : q->found == 0;
}

/* Standard input with every line ended by CRLF, as a message is inside of filterd.  -1: told. */
static int
read_message(struct buf *out)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (n > 0 && line[n - 1] == '\r')
			n--;
		buf_add(out, line, (size_t)n);
		buf_adds(out, "\r\n");
	}
	free(line);
	if (ferror(stdin)) {
		ctl_fail(EX_IOERR, "standard input: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int
on_header(void *arg, const struct mime_header *h)
{
	struct query *q = arg;

	return q->header ? show(q, h->text) : 0;
}

static int
on_line(void *arg, const struct mime_line *l)
{
	struct query *q = arg;

	return q->body && l->text.len > 0 ? show(q, l->text) : 0;
}

static int
ask_message(struct query *q, int mime)
{
	/* Postfix's defaults: what a message is asked for does not wait for a configuration. */
	const struct mime_options options = {
		.line_length_limit = 2048,
		.header_size_limit = 102400,
		.nesting_limit = 100,
		.boundary_length_limit = 2048,
		.disable_mime = !mime,
	};
	const struct mime_events events = { .header = on_header, .line = on_line, .arg = q };
	struct mime_index index;
	struct buf message = { 0 };
	struct arena *a;
	int status = EX_IOERR;

	if (read_message(&message) == 0) {
		a = arena_new();
		mime_walk(buf_span(&message), &options, &events, a, &index);
		arena_free(a);
		status = q->status != 0 ? q->status : q->found == 0;
	}
	buf_fini(&message);
	return status;
}

static void
say_nothing(void *unused, const struct conf_finding *f)
{
	(void)unused;
	(void)f;
}

/* Types that the configuration's plugins bring.  There need not be a configuration. */
static void
load_plugins(struct query *q, const struct ctl_env *env)
{
	struct table_plugin *v;
	int errors;

	if (q->conf != NULL)
		return;
	q->conf = conf_read(env->config_path, say_nothing, NULL, &errors);
	q->plugins.n = conf_plugin_count(q->conf);
	q->plugins.v = v = xcalloc(q->plugins.n + 1, sizeof(*v));
	for (size_t i = 0; i < q->plugins.n; i++) {
		const struct filterd_plugin *p = conf_plugin(q->conf, i)->def;

		v[i] =
		    (struct table_plugin){ .host = plugin_host(p->name, NULL), .types = p->tables };
	}
}

static struct table *
open_one(struct query *q, const struct ctl_env *env, const char *name, struct err *err)
{
	const struct table_open_options options = { .plugins = &q->plugins };
	struct table *t = table_open(name, ctl_table_warning, NULL, err);

	if (t != NULL)
		return t;
	load_plugins(q, env);
	return q->plugins.n == 0 ? NULL
				 : table_open_with(&options, name, ctl_table_warning, NULL, err);
}

static int
open_tables(struct query *q, const struct ctl_env *env, int n, char **names)
{
	struct err err;

	q->tables = xcalloc((size_t)n, sizeof(struct table *));
	for (; q->ntables < n; q->ntables++) {
		err_clear(&err);
		q->tables[q->ntables] = open_one(q, env, names[q->ntables], &err);
		if (q->tables[q->ntables] == NULL)
			return ctl_fail(EX_CONFIG, "%s", err.text);
	}
	return 0;
}

int
ctl_query(const struct ctl_env *env, int argc, char **argv)
{
	struct query q = { 0 };
	int mime = 0, c, status;
	const char *key;

	while ((c = getopt(argc, argv, "bhm")) != -1) {
		switch (c) {
		case 'b':
			q.body = 1;
			break;
		case 'h':
			q.header = 1;
			break;
		case 'm':
			mime = 1;
			break;
		default:
			return ctl_usage(USAGE);
		}
	}
	if (argc - optind < 2)
		return ctl_usage(USAGE);
	key = argv[argc - 1];
	if ((q.header || q.body || mime) && strcmp(key, "-") != 0)
		return ctl_fail(EX_USAGE, "-b, -h and -m want a message: KEY must be -");
	if (mime && !q.header && !q.body)
		return ctl_fail(EX_USAGE, "-m needs -b or -h");
	q.arena = arena_new();
	status = open_tables(&q, env, argc - optind - 1, argv + optind);
	if (status == 0) {
		if (strcmp(key, "-") != 0)
			status = ask_one(&q, key);
		else if (q.header || q.body)
			status = ask_message(&q, mime);
		else
			status = ask_lines(&q);
	}
	for (int i = 0; i < q.ntables; i++)
		table_close(q.tables[i]);
	free(q.tables);
	free((void *)(uintptr_t)q.plugins.v);
	conf_free(q.conf);
	arena_free(q.arena);
	return status;
}
