#include "base/arena.h"
#include "base/err.h"
#include "front/milter_packets.h"
#include "front/milter_session.h"

#define IN(phase)  (1u << (phase))
#define NEW        IN(MILTER_PHASE_NEW)
#define ENVELOPE   IN(MILTER_PHASE_ENVELOPE)
#define HEADERS    (ENVELOPE | IN(MILTER_PHASE_HEADERS))
#define MESSAGE    (HEADERS | IN(MILTER_PHASE_BODY))
#define NEGOTIATED (IN(MILTER_PHASE_IDLE) | MESSAGE)

/* --- answers --- */

static int
is_blank(struct span s)
{
	return s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t');
}

/* The blank behind the colon is the MTA's own business unless it was told to leave that to us. */
static void
put_field(struct buf *out, uint32_t steps, enum milter_reply kind, const struct change *c)
{
	struct span value = c->value;

	if ((steps & MILTER_HDR_LEADSPC) == 0 && is_blank(value))
		value = span_make(value.p + 1, value.len - 1);
	milter_put_header(out, kind, c->index, c->name, value);
}

static void
put_change(struct buf *out, uint32_t steps, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_INSERT_HEADER:
		put_field(out, steps, MILTER_R_INSHEADER, c);
		return;
	case CHANGE_ADD_HEADER:
		put_field(out, steps, MILTER_R_ADDHEADER, c);
		return;
	case CHANGE_HEADER:
		put_field(out, steps, MILTER_R_CHGHEADER, c);
		return;
	case CHANGE_BODY:
		milter_put_body(out, c->value);
		return;
	case CHANGE_FROM:
		milter_put_text(out, MILTER_R_CHGFROM, c->name, NULL);
		return;
	case CHANGE_ADD_RCPT:
		milter_put_text(out, MILTER_R_ADDRCPT, c->name, NULL);
		return;
	case CHANGE_DELETE_RCPT:
		milter_put_text(out, MILTER_R_DELRCPT, c->name, NULL);
		return;
	case CHANGE_QUARANTINE:
		milter_put_text(out, MILTER_R_QUARANTINE, c->name, NULL);
		return;
	}
}

/* PITFALLS H3: the body last, so that an MTA that loses us has as little of it as can be. */
static void
put_changes(struct buf *out, uint32_t steps, const struct milter_answer *a)
{
	for (size_t i = 0; i < a->nchanges; i++)
		if (a->changes[i].kind != CHANGE_BODY)
			put_change(out, steps, &a->changes[i]);
	for (size_t i = 0; i < a->nchanges; i++)
		if (a->changes[i].kind == CHANGE_BODY)
			put_change(out, steps, &a->changes[i]);
}

void
milter_packets_answer(struct buf *out, uint32_t steps, const struct milter_answer *a)
{
	switch (a->what) {
	case MILTER_GO_ON:
		put_changes(out, steps, a);
		milter_put(out, MILTER_R_CONTINUE);
		return;
	case MILTER_REPLY:
		milter_put_replycode(out, a->code, a->enhanced, a->text);
		return;
	case MILTER_DISCARD:
		milter_put(out, MILTER_R_DISCARD);
		return;
	case MILTER_ENOUGH:
		milter_put(out, MILTER_R_SKIP);
		return;
	}
}

/* --- events --- */

/* What an event has to do with. */
struct event {
	struct milter_packets *m;
	const struct milter_packet *packet;
	struct milter_answer *answer;
	struct err *err;
};

static void
end_message(struct milter_packets *m)
{
	if ((IN(m->phase) & MESSAGE) != 0)
		milter_abort(m->session);
	m->phase = MILTER_PHASE_IDLE;
}

static void
begin_again(struct milter_packets *m)
{
	end_message(m);
	milter_session_again(m->session);
	m->connected = 0;
}

static int
parse_args(struct event *e, const char ***args, size_t *n)
{
	struct milter_packets *m = e->m;

	if (m->scratch == NULL)
		m->scratch = arena_new();
	else
		arena_reset(m->scratch);
	return milter_parse_args(e->packet->data, m->scratch, args, n, e->err);
}

static int
do_connect(struct event *e)
{
	struct milter_connection c;

	if (milter_parse_connect(e->packet->data, &c, e->err) == -1)
		return -1;
	if (e->m->connected)
		begin_again(e->m);
	end_message(e->m);
	e->m->connected = 1;
	milter_connect(e->m->session, &c, e->answer);
	return 0;
}

static int
do_helo(struct event *e)
{
	const char **args;
	size_t n;

	if (parse_args(e, &args, &n) == -1)
		return -1;
	end_message(e->m);
	milter_helo(e->m->session, args[0], e->answer);
	return 0;
}

static int
do_mail(struct event *e)
{
	const char **args;
	size_t n;

	if (parse_args(e, &args, &n) == -1)
		return -1;
	end_message(e->m);
	milter_mail(e->m->session, args, n, e->answer);
	return 0;
}

static int
do_rcpt(struct event *e)
{
	const char **args;
	size_t n;

	if (parse_args(e, &args, &n) == -1)
		return -1;
	milter_rcpt(e->m->session, args, n, e->answer);
	return 0;
}

static int
do_data(struct event *e)
{
	milter_data(e->m->session, e->answer);
	return 0;
}

static int
do_unknown(struct event *e)
{
	const char **args;
	size_t n;

	if (parse_args(e, &args, &n) == -1)
		return -1;
	milter_unknown(e->m->session, args[0], e->answer);
	return 0;
}

static int
do_header(struct event *e)
{
	struct span name, value;

	if (milter_parse_header(e->packet->data, &name, &value, e->err) == -1)
		return -1;
	milter_header(e->m->session, name, value, e->answer);
	return 0;
}

static int
do_eoh(struct event *e)
{
	milter_end_of_headers(e->m->session, e->answer);
	return 0;
}

static int
do_body(struct event *e)
{
	milter_body(e->m->session, e->packet->data, e->answer);
	return 0;
}

/* A last piece of the body may come with it; if that is refused, so is the message. */
static int
do_end(struct event *e)
{
	struct milter_answer *a = e->answer;

	if (e->packet->data.len > 0)
		milter_body(e->m->session, e->packet->data, a);
	if (a->what == MILTER_REPLY || a->what == MILTER_DISCARD)
		milter_abort(e->m->session);
	else
		milter_end_of_message(e->m->session, a);
	return 0;
}

/* What is answered, or not, as was negotiated. */
static const struct row {
	enum milter_command command;
	unsigned allowed;       /* phases */
	enum milter_phase then; /* MILTER_PHASE_NEW: it stays */
	int (*event)(struct event *);
} rows[] = {
	{ MILTER_HEADER, HEADERS, MILTER_PHASE_HEADERS, do_header },
	{ MILTER_RCPT, ENVELOPE, MILTER_PHASE_NEW, do_rcpt },
	{ MILTER_MAIL, NEGOTIATED, MILTER_PHASE_ENVELOPE, do_mail },
	{ MILTER_DATA, MESSAGE, MILTER_PHASE_NEW, do_data },
	{ MILTER_EOH, HEADERS, MILTER_PHASE_BODY, do_eoh },
	{ MILTER_BODY, MESSAGE, MILTER_PHASE_BODY, do_body },
	{ MILTER_END, MESSAGE, MILTER_PHASE_IDLE, do_end },
	{ MILTER_CONNECT, NEGOTIATED, MILTER_PHASE_IDLE, do_connect },
	{ MILTER_HELO, NEGOTIATED, MILTER_PHASE_IDLE, do_helo },
	{ MILTER_UNKNOWN, NEGOTIATED, MILTER_PHASE_NEW, do_unknown },
};

/* --- what is no event --- */

static int
negotiate(struct milter_packets *m, const struct milter_packet *p, struct buf *out, struct err *err)
{
	struct milter_options offer;
	struct milter_wishes w;

	if (milter_parse_optneg(p->data, &offer, err) == -1 ||
	    milter_session_negotiate(m->session, &offer, &w, err) == -1)
		return -1;
	milter_put_optneg(out, &w.options, w.macros);
	m->steps = w.options.steps;
	m->phase = MILTER_PHASE_IDLE;
	return 0;
}

/* Where macros go. */
struct macros {
	struct milter_session *session;
	enum milter_macros_at at;
};

static void
tell_macro(void *arg, const char *name, const char *value)
{
	struct macros *to = arg;

	milter_session_macro(to->session, to->at, name, value);
}

static void
ignore_macro(void *arg, const char *name, const char *value)
{
	(void)arg;
	(void)name;
	(void)value;
}

static int
take_macros(struct milter_packets *m, const struct milter_packet *p, struct err *err)
{
	struct macros to = { .session = m->session };
	enum milter_command command;
	int known =
	    p->data.len > 0 && milter_macros_at((enum milter_command)p->data.p[0], &to.at) == 1;

	if (known)
		milter_session_macros_begin(m->session, to.at);
	return milter_parse_macros(p->data, &command, known ? tell_macro : ignore_macro, &to, err);
}

static int
out_of_order(const struct milter_packet *p, enum milter_phase phase, struct err *err)
{
	static const char *const phases[] = {
		[MILTER_PHASE_NEW] = "before OPTNEG",
		[MILTER_PHASE_IDLE] = "outside a message",
		[MILTER_PHASE_ENVELOPE] = "behind MAIL",
		[MILTER_PHASE_HEADERS] = "in the header",
		[MILTER_PHASE_BODY] = "in the body",
	};

	err_set(err, ERR_PEER, "command '%c' %s", (int)p->command, phases[phase]);
	return -1;
}

/* --- one packet --- */

static int
serve_event(struct milter_packets *m, const struct row *row, const struct milter_packet *p,
    struct buf *out, struct err *err)
{
	struct milter_answer a = { .what = MILTER_GO_ON };
	struct event e = { .m = m, .packet = p, .answer = &a, .err = err };

	if ((IN(m->phase) & row->allowed) == 0)
		return out_of_order(p, m->phase, err);
	if (row->event(&e) == -1)
		return -1;
	if (row->then != MILTER_PHASE_NEW)
		m->phase = row->then;
	if (milter_session_is_answered(m->session, p->command))
		milter_packets_answer(out, m->steps, &a);
	return 0;
}

static int
serve_one(struct milter_packets *m, const struct milter_packet *p, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < nitems(rows); i++)
		if (rows[i].command == p->command)
			return serve_event(m, &rows[i], p, out, err);
	if (p->command != MILTER_OPTNEG && m->phase == MILTER_PHASE_NEW)
		return out_of_order(p, m->phase, err);
	switch ((int)p->command) {
	case MILTER_MACRO:
		return take_macros(m, p, err);
	case MILTER_ABORT:
		end_message(m);
		return 0;
	case MILTER_QUIT_NC:
		begin_again(m);
		return 0;
	case MILTER_OPTNEG:
		if (m->phase == MILTER_PHASE_NEW)
			return negotiate(m, p, out, err);
		break;
	}
	return out_of_order(p, m->phase, err);
}

enum milter_then
milter_packets_serve(
    struct milter_packets *m, const struct milter_packet *p, struct buf *out, struct err *err)
{
	if (p->command == MILTER_QUIT)
		return MILTER_CLOSE;
	return serve_one(m, p, out, err) == -1 ? MILTER_BREAK : MILTER_READ_ON;
}

void
milter_packets_rest(struct milter_packets *m)
{
	arena_free(m->scratch);
	m->scratch = NULL;
}
