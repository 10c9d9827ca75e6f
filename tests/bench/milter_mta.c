#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/bench/milter_mta.h"

#define STALL_SECONDS 60

/* What Postfix sends of itself when the filter asks for nothing, and what it could tell. */
static const char *const postfix_lists[MILTER_ATS] = {
	[MILTER_AT_CONNECT] = " j {daemon_name} {daemon_addr} v _ ",
	[MILTER_AT_HELO] = " {tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} ",
	[MILTER_AT_MAIL] = (" i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} "
			    "{mail_mailer} "),
	[MILTER_AT_RCPT] = " i {rcpt_addr} {rcpt_host} {rcpt_mailer} ",
	[MILTER_AT_DATA] = " i ",
	[MILTER_AT_EOH] = " i ",
	[MILTER_AT_END] = " i ",
};

/* The first stage that has it.  A queue id comes with DATA: Postfix has none before. */
static const struct {
	enum milter_macros_at from;
	const char *name, *value; /* value NULL: the queue id */
} macros[] = {
	{ MILTER_AT_CONNECT, "j", "mta.example.net" },
	{ MILTER_AT_CONNECT, "{daemon_name}", "mta.example.net" },
	{ MILTER_AT_CONNECT, "{daemon_addr}", "192.0.2.1" },
	{ MILTER_AT_CONNECT, "{daemon_port}", "25" },
	{ MILTER_AT_CONNECT, "v", "Postfix 3.7.11" },
	{ MILTER_AT_CONNECT, "{client_addr}", "192.0.2.7" },
	{ MILTER_AT_CONNECT, "{client_name}", "mx.example.org" },
	{ MILTER_AT_CONNECT, "{client_port}", "40000" },
	{ MILTER_AT_CONNECT, "{client_ptr}", "mx.example.org" },
	{ MILTER_AT_CONNECT, "{client_resolve}", "OK" },
	{ MILTER_AT_CONNECT, "{client_connections}", "0" },
	{ MILTER_AT_MAIL, "{mail_addr}", "sender@example.org" },
	{ MILTER_AT_MAIL, "{mail_host}", "example.org" },
	{ MILTER_AT_MAIL, "{mail_mailer}", "smtp" },
	{ MILTER_AT_RCPT, "{rcpt_addr}", "r0@example.net" },
	{ MILTER_AT_RCPT, "{rcpt_host}", "example.net" },
	{ MILTER_AT_RCPT, "{rcpt_mailer}", "smtp" },
	{ MILTER_AT_DATA, "i", NULL },
};

/* Which bits say that a command is not sent, and not answered. */
static const struct {
	enum milter_command command;
	enum milter_macros_at at;
	uint32_t no, no_reply;
} commands[] = {
	{ MILTER_CONNECT, MILTER_AT_CONNECT, MILTER_NO_CONNECT, MILTER_NR_CONNECT },
	{ MILTER_HELO, MILTER_AT_HELO, MILTER_NO_HELO, MILTER_NR_HELO },
	{ MILTER_MAIL, MILTER_AT_MAIL, MILTER_NO_MAIL, MILTER_NR_MAIL },
	{ MILTER_RCPT, MILTER_AT_RCPT, MILTER_NO_RCPT, MILTER_NR_RCPT },
	{ MILTER_DATA, MILTER_AT_DATA, MILTER_NO_DATA, MILTER_NR_DATA },
	{ MILTER_HEADER, MILTER_AT_EOH, MILTER_NO_HEADERS, MILTER_NR_HEADER },
	{ MILTER_EOH, MILTER_AT_EOH, MILTER_NO_EOH, MILTER_NR_EOH },
	{ MILTER_BODY, MILTER_AT_END, MILTER_NO_BODY, MILTER_NR_BODY },
	{ MILTER_END, MILTER_AT_END, 0, 0 },
};
#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- the wire --- */

static void
put_number(struct buf *b, uint32_t n)
{
	n = htonl(n);
	buf_add(b, (const char *)&n, sizeof(n));
}

static void
put(struct mta *m, enum milter_command c, const char *data, size_t len)
{
	put_number(&m->out, (uint32_t)(len + 1));
	buf_addc(&m->out, (char)c);
	buf_add(&m->out, data, len);
}

static int
flush(struct mta *m)
{
	size_t at = 0;

	while (at < m->out.len) {
		ssize_t n = send(m->fd, m->out.p + at, m->out.len - at, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	buf_reset(&m->out);
	return 0;
}

/* p NULL: passed over. */
static int
take(struct mta *m, char *p, size_t len)
{
	while (len > 0) {
		size_t have = m->in_len - m->in_at;

		if (have == 0) {
			ssize_t n = recv(m->fd, m->in, sizeof(m->in), 0);

			if (n == -1 && errno == EAGAIN)
				bench_die("the filter has not answered for %d s", STALL_SECONDS);
			if (n <= 0)
				return -1;
			m->in_at = 0;
			m->in_len = (size_t)n;
			continue;
		}
		if (have > len)
			have = len;
		if (p != NULL) {
			memcpy(p, m->in + m->in_at, have);
			p += have;
		}
		m->in_at += have;
		len -= have;
	}
	return 0;
}

/* One packet; of its data what fits in (*len: how long it was). */
static int
packet(struct mta *m, char *data, size_t max, size_t *len)
{
	uint32_t n;
	char c;

	if (take(m, (char *)&n, sizeof(n)) == -1)
		return 0;
	n = ntohl(n);
	if (n == 0 || n > MILTER_FRAME_MAX || take(m, &c, 1) == -1)
		return 0;
	*len = n - 1;
	if (*len < max)
		max = *len;
	if (take(m, data, max) == -1 || take(m, NULL, *len - max) == -1)
		return 0;
	return c;
}

/* The answer that is the last one; changes are counted. */
static int
answer(struct mta *m)
{
	size_t len;
	int c;

	if (flush(m) == -1)
		return 0;
	while ((c = packet(m, NULL, 0, &len)) != 0) {
		if (strchr("acdrsty", c) != NULL)
			return c;
		if (c != MILTER_R_PROGRESS)
			m->changes++;
	}
	return 0;
}

/* --- negotiation --- */

static int
ask_list(struct mta *m, const char *data, size_t len)
{
	while (len > 4) {
		const char *end = memchr(data + 4, '\0', len - 4);
		uint32_t at;

		memcpy(&at, data, 4);
		at = ntohl(at);
		if (end == NULL || at >= MILTER_ATS)
			return 0;
		/* Postfix takes an empty list for none, and sends its own. */
		m->has_list[at] = data[4] != '\0';
		snprintf(m->asked[at], sizeof(m->asked[at]), " %s ", data + 4);
		len -= (size_t)(end + 1 - data);
		data = end + 1;
	}
	return len == 0;
}

static int
negotiate(struct mta *m)
{
	uint32_t offer[3] = { htonl(MILTER_VERSION), htonl(MILTER_CAN_ALL),
		htonl(MILTER_STEPS_ALL) };
	char data[4096];
	uint32_t got[3];
	size_t len;

	put(m, MILTER_OPTNEG, (const char *)offer, sizeof(offer));
	if (flush(m) == -1 || packet(m, data, sizeof(data), &len) != MILTER_OPTNEG ||
	    len < sizeof(got) || len > sizeof(data))
		return 0;
	memcpy(got, data, sizeof(got));
	m->steps = ntohl(got[2]);
	return ask_list(m, data + sizeof(got), len - sizeof(got));
}

/* --- commands --- */

static void
put_macros(struct mta *m, enum milter_command c, enum milter_macros_at at)
{
	const char *wanted = m->has_list[at] ? m->asked[at] : postfix_lists[at];
	/* In the order in which they come, not in that of their numbers. */
	enum milter_macros_at now = at == MILTER_AT_EOH ? MILTER_AT_DATA : at;
	struct buf data = { 0 };

	buf_addc(&data, (char)c);
	for (size_t i = 0; i < NITEMS(macros); i++) {
		const char *value = macros[i].value != NULL ? macros[i].value : m->queue_id;
		char name[32];

		snprintf(name, sizeof(name), " %s ", macros[i].name);
		if (now < macros[i].from || strstr(wanted, name) == NULL)
			continue;
		buf_adds(&data, macros[i].name);
		buf_addc(&data, '\0');
		buf_adds(&data, value);
		buf_addc(&data, '\0');
	}
	put(m, MILTER_MACRO, data.p, data.len);
	buf_fini(&data);
}

/* What does not wait for an answer, or is not sent at all, counts as CONTINUE. */
static int
command(struct mta *m, enum milter_command c, const char *data, size_t len)
{
	size_t i = 0;

	while (commands[i].command != c)
		i++;
	if (m->steps & commands[i].no)
		return MILTER_R_CONTINUE;
	put_macros(m, c, commands[i].at);
	put(m, c, data, len);
	return m->steps & commands[i].no_reply ? MILTER_R_CONTINUE : answer(m);
}

static int
reach(struct mta *m, const struct bench_addr *to)
{
	struct timeval limit = { .tv_sec = STALL_SECONDS };
	int on = 1;

	m->fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->fd == -1)
		return -1;
	setsockopt(m->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	/* Fails on a unix socket, which does not wait anyway. */
	setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return connect(m->fd, (const struct sockaddr *)&to->sa, to->len);
}

int
mta_open(struct mta *m, const struct bench_addr *to)
{
	static const char client[] = "mx.example.org\0004\x9c\x40"
				     "192.0.2.7";
	static const char helo[] = "mx.example.org";
	int c;

	*m = (struct mta){ .fd = -1 };
	if (reach(m, to) == -1)
		bench_die("connect: %s", strerror(errno));
	if (!negotiate(m))
		return 0;
	c = command(m, MILTER_CONNECT, client, sizeof(client));
	return c == MILTER_R_CONTINUE ? command(m, MILTER_HELO, helo, sizeof(helo)) : c;
}

static int
send_fields(struct mta *m, const struct mta_message *message)
{
	int c = MILTER_R_CONTINUE;

	for (size_t i = 0; i < message->nfields && c == MILTER_R_CONTINUE; i++) {
		const char *field = message->fields + message->field[i];
		size_t len = message->field[i + 1] - message->field[i], name = strlen(field) + 1;
		struct buf b = { 0 };

		if (m->steps & MILTER_HDR_LEADSPC) {
			c = command(m, MILTER_HEADER, field, len);
			continue;
		}
		buf_add(&b, field, name);
		buf_add(&b, field + name + 1, len - name - 1);
		c = command(m, MILTER_HEADER, b.p, b.len);
		buf_fini(&b);
	}
	return c;
}

static int
send_body(struct mta *m, const struct mta_message *message)
{
	int c = MILTER_R_CONTINUE;

	for (size_t at = 0; at < message->body_len && c == MILTER_R_CONTINUE; at += MTA_CHUNK) {
		size_t left = message->body_len - at;

		c = command(
		    m, MILTER_BODY, message->body + at, left < MTA_CHUNK ? left : MTA_CHUNK);
	}
	return c == MILTER_R_SKIP ? MILTER_R_CONTINUE : c;
}

int
mta_begin(struct mta *m, const struct mta_message *message, const char *queue_id)
{
	static const char from[] = "<sender@example.org>", to[] = "<r0@example.net>";
	int c;

	m->queue_id = queue_id;
	c = command(m, MILTER_MAIL, from, sizeof(from));
	if (c == MILTER_R_CONTINUE)
		c = command(m, MILTER_RCPT, to, sizeof(to));
	if (c == MILTER_R_CONTINUE)
		c = command(m, MILTER_DATA, "", 0);
	if (c == MILTER_R_CONTINUE)
		c = send_fields(m, message);
	if (c == MILTER_R_CONTINUE)
		c = command(m, MILTER_EOH, "", 0);
	return c == MILTER_R_CONTINUE ? send_body(m, message) : c;
}

int
mta_end(struct mta *m)
{
	return command(m, MILTER_END, "", 0);
}

void
mta_abort(struct mta *m)
{
	put(m, MILTER_ABORT, "", 0);
}

void
mta_close(struct mta *m)
{
	put(m, MILTER_QUIT, "", 0);
	(void)flush(m);
	close(m->fd);
	buf_fini(&m->out);
}
