/* What an MTA sends, cut into packets and parsed; what it said is said back in each form there is,
 * and that is read again. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "mail/milter_syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int what)
{
	if (!what)
		abort();
}

/* --- our packets, read again --- */

/* The one packet that b is. */
static struct span
data_of(struct buf *b, int command)
{
	struct rd rd;
	struct span data;

	rd_init(&rd, buf_span(b));
	must(rd_u32(&rd) == b->len - 4 && rd_u8(&rd) == command && !rd.bad);
	data = rd_bytes(&rd, rd_left(&rd));
	return data;
}

static void
check_line(struct span line, const uint8_t *code, int last)
{
	must(line.len >= 9 && line.len <= 2 * 510 && memcmp(line.p, code, 3) == 0);
	must(line.p[3] == (last ? ' ' : '-') && line.p[4] == line.p[0] && line.p[5] == '.');
	for (size_t i = 0; i < line.len; i++) {
		must(line.p[i] >= ' ' && line.p[i] <= '~');
		if (line.p[i] == '%')
			must(++i < line.len && line.p[i] == '%');
	}
}

static void
reply(const char *text)
{
	struct span data, line;
	struct buf b = { 0 };
	const uint8_t *code;
	int more;

	/* Also from the text: a code, and an enhanced one that may be none. */
	milter_put_replycode(&b, atoi(text), text, text);
	data = data_of(&b, MILTER_R_REPLYCODE);
	must(data.len > 4 && data.p[data.len - 1] == '\0');
	data.len--;
	code = data.p;
	must((code[0] == '4' || code[0] == '5') && span_find(data, '\0') == data.len);
	do {
		more = span_cut(data, '\n', &line, &data);
		must(!more || (line.len > 0 && line.p[--line.len] == '\r'));
		check_line(line, code, !more);
	} while (more);
	buf_fini(&b);
}

static void
field(enum milter_reply kind, const char *name, struct span value)
{
	struct span data, got_name, got;
	struct buf b = { 0 };
	struct err err;

	milter_put_header(&b, kind, 7, name, value);
	data = data_of(&b, (int)kind);
	if (kind != MILTER_R_ADDHEADER) {
		must(data.len >= 4 && memcmp(data.p, "\0\0\0\7", 4) == 0);
		data = span_make(data.p + 4, data.len - 4);
	}
	if (*name != '\0') {
		must(milter_parse_header(data, &got_name, &got, &err) == 0);
		must(got_name.len == strlen(name));
		must(span_find(got_name, '\r') == got_name.len &&
		     span_find(got_name, '\n') == got_name.len);
		must((got.len == 0) <= (kind != MILTER_R_CHGHEADER || value.p == NULL));
		for (size_t i = 0; i < got.len; i++) {
			must(got.p[i] != '\0' && got.p[i] != '\r');
			must(got.p[i] != '\n' ||
			     (i + 1 < got.len && (got.p[i + 1] == ' ' || got.p[i + 1] == '\t')));
		}
	}
	buf_fini(&b);
}

static void
body(struct span s)
{
	struct buf b = { 0 };
	struct rd rd;
	size_t done = 0;

	milter_put_body(&b, s);
	must(b.len > 0);
	rd_init(&rd, buf_span(&b));
	while (rd_left(&rd) > 0) {
		size_t n = rd_u32(&rd) - 1;
		struct span data;

		must(rd_u8(&rd) == MILTER_R_REPLBODY && n <= MILTER_DATA_64K);
		data = rd_bytes(&rd, n);
		must(!rd.bad && done + n <= s.len && (n == 0 || !memcmp(data.p, s.p + done, n)));
		done += n;
	}
	must(done == s.len);
	buf_fini(&b);
}

static void
one_line(const char *text, const char *params, struct arena *a)
{
	struct buf b = { 0 };
	const char **args;
	struct err err;
	size_t n;

	milter_put_text(&b, MILTER_R_CHGFROM, text, params);
	must(milter_parse_args(data_of(&b, MILTER_R_CHGFROM), a, &args, &n, &err) == 0);
	must(n == (params == NULL ? 1 : 2) && strlen(args[0]) == strlen(text));
	must(strpbrk(args[0], "\r\n") == NULL);
	buf_fini(&b);
}

static void
optneg(const struct milter_options *o, const char *macros)
{
	const char *const lists[MILTER_ATS] = { [MILTER_AT_RCPT] = macros };
	struct milter_options again;
	struct milter_packet packet;
	struct buf b = { 0 };
	struct err err;
	size_t len;

	milter_put_optneg(&b, o, lists);
	if (b.len <= MILTER_DATA_64K)
		must(milter_packet_find(buf_span(&b), 1, &packet, &len, &err) == MILTER_WHOLE);
	must(milter_parse_optneg(data_of(&b, MILTER_OPTNEG), &again, &err) == 0);
	must(memcmp(o, &again, sizeof(again)) == 0);
	buf_fini(&b);
}

/* --- what came --- */

static void
say_back(struct arena *a, const char *text)
{
	reply(text);
	one_line(text, NULL, a);
	one_line(text, text, a);
	field(MILTER_R_ADDHEADER, text, span_str(text));
}

static void
told(void *arg, const char *name, const char *value)
{
	must(name != NULL && value != NULL && strlen(name) < 128);
	say_back(arg, name);
	say_back(arg, value);
}

static void
take_args(struct arena *a, struct span data)
{
	const char **args;
	struct err err;
	size_t n, total = 0;

	if (milter_parse_args(data, a, &args, &n, &err) == -1)
		return;
	must(n >= 1);
	for (size_t i = 0; i < n; i++) {
		total += strlen(args[i]) + 1;
		say_back(a, args[i]);
	}
	must(total == data.len);
}

static void
take_header(struct arena *a, struct span data)
{
	struct span name, value;
	struct err err;
	const char *s;

	if (milter_parse_header(data, &name, &value, &err) == -1)
		return;
	must(name.len > 0 && name.len + value.len + 2 == data.len);
	s = arena_str(a, name);
	must(s != NULL);
	field(MILTER_R_ADDHEADER, s, value);
	field(MILTER_R_INSHEADER, s, value);
	field(MILTER_R_CHGHEADER, s, value);
	field(MILTER_R_CHGHEADER, s, span_make(NULL, 0));
}

static void
take_connect(struct arena *a, struct span data)
{
	struct milter_connection c;
	struct err err;

	if (milter_parse_connect(data, &c, &err) == -1)
		return;
	must(c.port <= 65535 && strchr("46LU", c.family) != NULL && c.family != '\0');
	say_back(a, c.name);
	say_back(a, c.addr);
}

static void
take_optneg(struct span data)
{
	struct milter_options o;
	struct err err;

	if (milter_parse_optneg(data, &o, &err) == 0)
		optneg(&o, o.version & 1 ? "{i} j" : NULL);
	else
		must(data.len < 12);
}

static void
take(struct arena *a, const struct milter_packet *p)
{
	enum milter_macros_at at;
	enum milter_command command;
	struct err err;

	if (milter_macros_at(p->command, &at))
		must(at < MILTER_ATS);
	switch (p->command) {
	case MILTER_OPTNEG:
		take_optneg(p->data);
		break;
	case MILTER_CONNECT:
		take_connect(a, p->data);
		break;
	case MILTER_MACRO:
		if (milter_parse_macros(p->data, &command, told, a, &err) == 0)
			must(command == (enum milter_command)p->data.p[0]);
		break;
	case MILTER_HELO:
	case MILTER_MAIL:
	case MILTER_RCPT:
	case MILTER_UNKNOWN:
		take_args(a, p->data);
		break;
	case MILTER_HEADER:
		take_header(a, p->data);
		break;
	case MILTER_BODY:
	case MILTER_END:
		body(p->data);
		break;
	case MILTER_ABORT:
	case MILTER_DATA:
	case MILTER_EOH:
	case MILTER_QUIT:
	case MILTER_QUIT_NC:
		break;
	}
}

/* A packet that comes in pieces is found as it is when it comes at once. */
static void
in_pieces(struct span whole, int first, size_t len)
{
	struct milter_packet packet;
	size_t wanted;
	struct err err;

	for (size_t n = 0; n < len; n += n < 8 ? 1 : 1 + len / 8) {
		must(milter_packet_find(span_make(whole.p, n), first, &packet, &wanted, &err) ==
		     MILTER_MORE);
		must(wanted == (n < 4 ? 0 : len));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a = arena_new();
	struct milter_packet packet;
	struct err err;
	size_t at = 1, len;
	int first = n > 0 && p[0] & 1;

	while (at < n) {
		struct span left = span_make(p + at, n - at);
		enum milter_found found = milter_packet_find(left, first, &packet, &len, &err);

		must(len <= MILTER_FRAME_MAX);
		if (found != MILTER_WHOLE) {
			must(found == MILTER_BROKEN ? err.class == ERR_PEER
						    : len == 0 || len > left.len);
			break;
		}
		must(len >= 5 && len <= left.len && packet.data.len == len - 5);
		must(!first || packet.command == MILTER_OPTNEG);
		in_pieces(left, first, len);
		take(a, &packet);
		at += len;
		first = 0;
		if (arena_used(a) > 1000000)
			arena_reset(a);
	}
	arena_free(a);
	return 0;
}
