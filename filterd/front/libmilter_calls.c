/* The mapping itself: the library's callbacks become events. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/counters.h"
#include "front/libmilter_conn.h"

/* --- one callback --- */

struct event {
	SMFICTX *ctx;
	struct conn *c;
	enum milter_command command;
	struct milter_answer answer;
	sfsistat refusal;
};

/* The library does not tell at which stage a macro came.  Those of earlier stages are told again,
 * as if they had come once more. */
static void
tell_macros(struct event *e)
{
	enum milter_macros_at at;
	const char *name, *value;
	char symbol[64];

	if (milter_macros_at(e->command, &at) == 0)
		return;
	milter_session_macros_begin(e->c->session, at);
	for (size_t i = 0; (name = milter_session_macro_name(i)) != NULL; i++) {
		snprintf(symbol, sizeof(symbol), name[1] == '\0' ? "%s" : "{%s}", name);
		if ((value = smfi_getsymval(e->ctx, symbol)) != NULL)
			milter_session_macro(e->c->session, at, name, value);
	}
}

static int
begins_anew(enum milter_command c)
{
	return c == MILTER_CONNECT || c == MILTER_HELO || c == MILTER_MAIL;
}

/* 0: what the callback returns is e->refusal, and nothing of ours may be touched. */
static int
enter(struct event *e, SMFICTX *ctx, enum milter_command command)
{
	int stopping;

	*e = (struct event){ .ctx = ctx, .command = command, .refusal = SMFIS_TEMPFAIL };
	e->answer.what = MILTER_GO_ON;
	if (!conn_enter(&stopping))
		return 0;
	e->c = smfi_getpriv(ctx);
	if (e->c == NULL && command == MILTER_CONNECT) /* behind QUIT_NC */
		smfi_setpriv(ctx, e->c = conn_open_again(ctx));
	if (e->c == NULL) { /* before OPTNEG the library lets MAIL through */
		conn_leave(NULL);
		return 0;
	}
	/* An MTA need not say ABORT about a message that it has refused itself. */
	if (e->c->in_message && begins_anew(command)) {
		milter_abort(e->c->session);
		e->c->in_message = 0;
	}
	e->c->unwanted |= stopping && command == MILTER_MAIL;
	if (e->c->unwanted && command != MILTER_QUIT_NC) {
		if (!milter_session_is_answered(e->c->session, command))
			e->refusal = SMFIS_NOREPLY;
		conn_leave(e->c);
		return 0;
	}
	tell_macros(e);
	return 1;
}

static sfsistat
finish(struct event *e)
{
	sfsistat s = SMFIS_NOREPLY;

	if (e->command == MILTER_MAIL)
		e->c->in_message = 1;
	if (e->command == MILTER_CONNECT)
		counter_inc(conn_counters(), milter_sessions);
	if (e->command == MILTER_END) {
		e->c->in_message = 0;
		counter_inc(conn_counters(), milter_messages);
	}
	if (milter_session_is_answered(e->c->session, e->command))
		s = libmilter_say(e->ctx, e->c->wishes.options.steps, &e->answer);
	milter_session_idle(e->c->session);
	conn_leave(e->c);
	return s;
}

/* --- the callbacks --- */

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long unused2,
    unsigned long unused3, unsigned long *want_actions, unsigned long *want_steps,
    unsigned long *want2, unsigned long *want3)
{
	/* The library fakes each NR step, and its table of states cannot do without DATA and the
	 * end of the header. */
	struct milter_options offer = { .version = MILTER_VERSION,
		.actions = (uint32_t)actions & MILTER_CAN_ALL,
		.steps = (uint32_t)steps & MILTER_STEPS_ALL &
			 ~(uint32_t)(MILTER_NO_DATA | MILTER_NO_EOH) };
	struct conn *c;
	const char *names;
	int stopping;

	(void)unused2;
	(void)unused3;
	if (!conn_enter(&stopping))
		return SMFIS_REJECT;
	c = conn_open(ctx, &offer);
	conn_leave(c);
	smfi_setpriv(ctx, c);
	if (c == NULL)
		return SMFIS_REJECT;
	*want_actions = c->wishes.options.actions;
	*want_steps = c->wishes.options.steps;
	*want2 = *want3 = 0;
	/* No name at all is not taken; a blank is as good. */
	for (int i = 0; i < MILTER_ATS; i++)
		if ((names = c->wishes.macros[i]) != NULL)
			(void)smfi_setsymlist(
			    ctx, i, (char *)(uintptr_t)(names[0] == '\0' ? " " : names));
	return SMFIS_CONTINUE;
}

static void
connection_of(const struct sockaddr *sa, char *addr, size_t size, struct milter_connection *c)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

	addr[0] = '\0';
	c->addr = addr;
	c->family = 'U';
	if (sa == NULL)
		return;
	switch (sa->sa_family) {
	case AF_INET:
		c->family = '4';
		c->port = ntohs(in->sin_port);
		inet_ntop(AF_INET, &in->sin_addr, addr, (socklen_t)size);
		break;
	case AF_INET6:
		c->family = '6';
		c->port = ntohs(in6->sin6_port);
		inet_ntop(AF_INET6, &in6->sin6_addr, addr, (socklen_t)size);
		break;
	case AF_UNIX:
		c->family = 'L';
		snprintf(
		    addr, size, "%s", ((const struct sockaddr_un *)(const void *)sa)->sun_path);
		break;
	}
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, struct sockaddr *sa)
{
	char addr[sizeof(struct sockaddr_un)];
	struct milter_connection c = { .name = name };
	struct event e;

	connection_of(sa, addr, sizeof(addr), &c);
	if (!enter(&e, ctx, MILTER_CONNECT))
		return e.refusal;
	milter_connect(e.c->session, &c, &e.answer);
	return finish(&e);
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_HELO))
		return e.refusal;
	milter_helo(e.c->session, name, &e.answer);
	return finish(&e);
}

static size_t
count_args(char **args)
{
	size_t n = 0;

	while (args[n] != NULL)
		n++;
	return n;
}

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_MAIL))
		return e.refusal;
	milter_mail(e.c->session, (const char *const *)args, count_args(args), &e.answer);
	return finish(&e);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_RCPT))
		return e.refusal;
	milter_rcpt(e.c->session, (const char *const *)args, count_args(args), &e.answer);
	return finish(&e);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_DATA))
		return e.refusal;
	milter_data(e.c->session, &e.answer);
	return finish(&e);
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *command)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_UNKNOWN))
		return e.refusal;
	milter_unknown(e.c->session, command, &e.answer);
	return finish(&e);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_HEADER))
		return e.refusal;
	milter_header(e.c->session, span_str(name), span_str(value), &e.answer);
	return finish(&e);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_EOH))
		return e.refusal;
	milter_end_of_headers(e.c->session, &e.answer);
	return finish(&e);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *p, size_t len)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_BODY))
		return e.refusal;
	milter_body(e.c->session, span_make(p, len), &e.answer);
	return finish(&e);
}

static sfsistat
on_end(SMFICTX *ctx)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_END))
		return e.refusal;
	milter_end_of_message(e.c->session, &e.answer);
	return finish(&e);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_ABORT))
		return SMFIS_CONTINUE;
	if (e.c->in_message)
		milter_abort(e.c->session);
	e.c->in_message = 0;
	conn_leave(e.c);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct event e;

	if (!enter(&e, ctx, MILTER_QUIT_NC))
		return SMFIS_CONTINUE;
	if (e.c->in_message)
		milter_abort(e.c->session);
	conn_close(e.c);
	smfi_setpriv(ctx, NULL);
	conn_leave(NULL);
	return SMFIS_CONTINUE;
}

void
libmilter_callbacks(struct smfiDesc *d)
{
	*d = (struct smfiDesc){ .xxfi_name = (char *)(uintptr_t) "filterd",
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = MILTER_CAN_ALL,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_body = on_body,
		.xxfi_eom = on_end,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_unknown = on_unknown,
		.xxfi_data = on_data,
		.xxfi_negotiate = on_negotiate };
}
