#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/xmem.h"
#include "core/message.h"
#include "tests/lib/findings.h"
#include "tests/lib/milter_script.h"

/* --- the world --- */

static struct snapshot *
snapshot_now(void *arg)
{
	struct milter_script *m = arg;

	return snapshot_ref(m->now);
}

static struct message *
message_out(void *arg, const struct params *p)
{
	struct milter_script *m = arg;
	struct message_options o = { .memory_limit = (size_t)p->message_memory_limit,
		.spool_directory = m->spool[0] == '\0' ? p->spool_directory : m->spool };

	m->messages++;
	return message_new(&o);
}

static void
message_back(void *arg, struct message *message)
{
	struct milter_script *m = arg;

	m->messages--;
	buf_reset(&m->message);
	buf_add_span(&m->message, message_view(message));
	message_free(message);
}

static struct snapshot *
build(struct milter_script *m, const char *text)
{
	struct buf told = { 0 };
	struct conf *conf = findings_load(text, &told);
	struct snapshot *s = NULL;

	if (conf != NULL)
		s = snapshot_build(conf, &m->counters, findings_add, &told);
	if (s == NULL)
		print_error("%s%s", text, buf_cstr(&told));
	assert_non_null(s);
	buf_fini(&told);
	return s;
}

struct milter_script *
milter_script_new(const char *conf, const char *second)
{
	struct milter_script *m = xcalloc(1, sizeof(*m));
	struct sockaddr_storage peer = { .ss_family = AF_UNIX };

	m->now = build(m, conf);
	if (second != NULL)
		m->next = build(m, second);
	m->world = (struct milter_world){ .snapshot = snapshot_now,
		.message_get = message_out,
		.message_put = message_back,
		.arg = m,
		.counters = &m->counters };
	m->session = milter_session_new(&m->world, 0, &peer);
	return m;
}

void
milter_script_free(struct milter_script *m)
{
	milter_session_free(m->session);
	assert_int_equal(m->messages, 0);
	snapshot_unref(m->now);
	snapshot_unref(m->next);
	buf_fini(&m->told);
	buf_fini(&m->message);
	free(m);
}

/* --- answers --- */

static void
tell_text(struct milter_script *m, const char *id, const char *text)
{
	size_t n = strlen(id);

	for (; *text != '\0'; text++) {
		if (strncmp(text, id, n) == 0) {
			buf_adds(&m->told, "ID");
			text += n - 1;
		} else {
			buf_addc(&m->told, *text == '\n' ? '|' : *text);
		}
	}
}

static void
tell(struct milter_script *m, char event, const char *id, const struct milter_answer *a)
{
	static const char *const words[] = {
		[MILTER_GO_ON] = "go on",
		[MILTER_DISCARD] = "discard",
		[MILTER_ENOUGH] = "enough",
	};

	if (a->what == MILTER_GO_ON && event != 'E')
		return;
	/* What is not answered on the wire may hold no refusal that would be lost. */
	buf_printf(&m->told, "%c ", event);
	if (a->what == MILTER_REPLY) {
		buf_printf(&m->told, "%d %s ", a->code, a->enhanced);
		tell_text(m, id, a->text);
	} else {
		buf_adds(&m->told, words[a->what]);
	}
	if (a->nchanges > 0)
		buf_printf(&m->told, " %zu changes", a->nchanges);
	buf_addc(&m->told, '\n');
}

/* --- events --- */

static char *
lines(struct arena *a, const char *text, const char *end)
{
	struct buf b = { 0 };
	char *copy;

	for (; *text != '\0'; text++)
		if (*text == '~')
			buf_adds(&b, end);
		else
			buf_addc(&b, *text);
	copy = arena_strdup(a, buf_cstr(&b));
	buf_fini(&b);
	return copy;
}

static size_t
words_of(struct arena *a, const char *text, const char **v, size_t max)
{
	char *save, *w = strtok_r(arena_strdup(a, text), " ", &save);
	size_t n = 0;

	for (; w != NULL && n < max; w = strtok_r(NULL, " ", &save))
		v[n++] = w;
	return n;
}

static void
macro(struct milter_script *m, struct arena *a, const char *text)
{
	enum milter_macros_at at;
	char *name = arena_strdup(a, text + 2), *value = strchr(name, '=');

	assert_int_equal(milter_macros_at((enum milter_command)text[0], &at), 1);
	assert_non_null(value);
	*value++ = '\0';
	if (m->macros_of != text[0])
		milter_session_macros_begin(m->session, at);
	m->macros_of = text[0];
	milter_session_macro(m->session, at, name, value);
}

static void
negotiate(struct milter_script *m, const char *text)
{
	struct milter_options offer;
	struct milter_wishes w;
	struct err err;

	assert_int_equal(sscanf(text, "%u %x %x", &offer.version, &offer.actions, &offer.steps), 3);
	if (milter_session_negotiate(m->session, &offer, &w, &err) == -1)
		buf_printf(&m->told, "N %s\n", err.text);
}

static void
connect_event(struct milter_script *m, const char *const *v, size_t n, struct milter_answer *a)
{
	struct milter_connection c;

	assert_int_equal(n, 4);
	c = (struct milter_connection){ .name = v[0],
		.family = v[1][0],
		.addr = strcmp(v[2], "-") == 0 ? "" : v[2],
		.port = (unsigned)atoi(v[3]) };
	milter_connect(m->session, &c, a);
}

static void
header(struct milter_script *m, struct arena *mem, const char *text, struct milter_answer *a)
{
	struct span name, value;

	span_cut(span_str(lines(mem, text, "\n")), ':', &name, &value);
	milter_header(m->session, name, value, a);
}

/* 0: nothing that is answered. */
static int
event(struct milter_script *m, struct arena *mem, char kind, const char *rest,
    struct milter_answer *a)
{
	const char *v[16];
	size_t n = words_of(mem, rest, v, nitems(v));

	switch (kind) {
	case 'C':
		connect_event(m, v, n, a);
		return 1;
	case 'H':
		milter_helo(m->session, rest, a);
		return 1;
	case 'M':
		milter_mail(m->session, v, n, a);
		return 1;
	case 'R':
		milter_rcpt(m->session, v, n, a);
		return 1;
	case 'T':
		milter_data(m->session, a);
		return 1;
	case 'U':
		milter_unknown(m->session, rest, a);
		return 1;
	case 'L':
		header(m, mem, rest, a);
		return 1;
	case 'O':
		milter_end_of_headers(m->session, a);
		return 1;
	case 'B':
		milter_body(m->session, span_str(lines(mem, rest, "\r\n")), a);
		return 1;
	case 'E':
		milter_end_of_message(m->session, a);
		return 1;
	case 'A':
		milter_abort(m->session);
		return 0;
	case 'K':
		milter_session_again(m->session);
		return 0;
	case 'I':
		milter_session_idle(m->session);
		return 0;
	case '*':
		snapshot_unref(m->now);
		m->now = m->next;
		m->next = NULL;
		return 0;
	}
	fail_msg("no such event: %c %s", kind, rest);
	return 0;
}

static void
play_line(struct milter_script *m, struct arena *mem, const char *line)
{
	const char *rest = line[1] == ' ' ? line + 2 : line + 1;
	struct milter_answer a;
	char id[24];

	if (line[0] == 'm') {
		macro(m, mem, rest);
		return;
	}
	m->macros_of = '\0';
	if (line[0] == 'N') {
		negotiate(m, rest);
		return;
	}
	snprintf(id, sizeof(id), "%s", milter_session_id(m->session));
	if (!event(m, mem, line[0], rest, &a))
		return;
	/* MAIL gives it a new one, which may be gone already. */
	if (line[0] == 'M' && !milter_session_between(m->session))
		snprintf(id, sizeof(id), "%s", milter_session_id(m->session));
	tell(m, line[0], id, &a);
}

void
milter_script_play(struct milter_script *m, const char *script)
{
	struct arena *mem = arena_new();
	struct span rest = span_str(script), line;

	while (span_cut(rest, '\n', &line, &rest) || line.len > 0) {
		char *text = arena_str(mem, line);

		assert_non_null(text);
		if (text[0] != '\0')
			play_line(m, mem, text);
	}
	arena_free(mem);
}
