#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "mail/milter_syntax.h"

#define LENGTH_OCTETS 4
#define LENGTH_MAX    (MILTER_FRAME_MAX - LENGTH_OCTETS)

/* No SMTP command line has room for more parameters; it bounds the array. */
#define ARGS_MAX 1024
/* Longer than the name of any macro that is asked for. */
#define MACRO_NAME_MAX 128

static int
broken(struct err *err, const char *why)
{
	err_set(err, ERR_PEER, "%s", why);
	return -1;
}

static int
is_command(uint8_t c)
{
	switch ((enum milter_command)c) {
	case MILTER_ABORT:
	case MILTER_BODY:
	case MILTER_CONNECT:
	case MILTER_MACRO:
	case MILTER_END:
	case MILTER_HELO:
	case MILTER_QUIT_NC:
	case MILTER_HEADER:
	case MILTER_MAIL:
	case MILTER_EOH:
	case MILTER_OPTNEG:
	case MILTER_QUIT:
	case MILTER_RCPT:
	case MILTER_DATA:
	case MILTER_UNKNOWN:
		return 1;
	}
	return 0;
}

/* Of a length that has not arrived as a whole, the least it can become. */
static uint32_t
least_length(struct span s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < LENGTH_OCTETS; i++)
		n = n << 8 | (i < s.len ? s.p[i] : 0);
	return n;
}

static int
check_length(struct span s, uint32_t n, int first, struct err *err)
{
	size_t max = first ? 1 + MILTER_DATA_64K : LENGTH_MAX;

	if (n <= max && (n > 0 || s.len < LENGTH_OCTETS))
		return 0;
	err_set(err, ERR_PEER, "a packet's length must be 1 to %zu, not %s%lu%s", max,
	    s.len < LENGTH_OCTETS ? "at least " : "", (unsigned long)n,
	    first ? " (no milter client?)" : "");
	return -1;
}

static int
check_command(uint8_t c, int first, struct err *err)
{
	if (first ? c == MILTER_OPTNEG : is_command(c))
		return 0;
	err_set(err, ERR_PEER, "%s: 0x%02x",
	    first ? "first command must be option negotiation" : "no milter command", c);
	return -1;
}

enum milter_found
milter_packet_find(
    struct span s, int first, struct milter_packet *packet, size_t *len, struct err *err)
{
	uint32_t n = least_length(s);

	*len = 0;
	if (check_length(s, n, first, err) == -1)
		return MILTER_BROKEN;
	if (s.len > LENGTH_OCTETS && check_command(s.p[LENGTH_OCTETS], first, err) == -1)
		return MILTER_BROKEN;
	if (s.len < LENGTH_OCTETS)
		return MILTER_MORE;
	*len = LENGTH_OCTETS + (size_t)n;
	if (s.len < *len)
		return MILTER_MORE;
	packet->command = (enum milter_command)s.p[LENGTH_OCTETS];
	packet->data = span_make(s.p + LENGTH_OCTETS + 1, n - 1);
	return MILTER_WHOLE;
}

int
milter_parse_optneg(struct span data, struct milter_options *o, struct err *err)
{
	struct rd rd;

	rd_init(&rd, data);
	o->version = rd_u32(&rd);
	o->actions = rd_u32(&rd);
	o->steps = rd_u32(&rd);
	return rd.bad ? broken(err, "option negotiation is too short") : 0;
}

/* A text whose NUL is in the data, so that it is a string where it stands; NULL: none. */
static const char *
rd_string(struct rd *rd)
{
	struct span s = rd_cstr(rd);

	return rd->bad ? NULL : (const char *)s.p;
}

int
milter_parse_connect(struct span data, struct milter_connection *c, struct err *err)
{
	struct rd rd;

	rd_init(&rd, data);
	c->name = rd_string(&rd);
	c->family = (char)rd_u8(&rd);
	c->port = 0;
	c->addr = "";
	if (rd.bad)
		return broken(err, "connection: no name and family");
	/* Some send an empty port and address here, most send nothing. */
	if (c->family == 'U')
		return 0;
	if (c->family != '4' && c->family != '6' && c->family != 'L')
		return broken(err, "connection: unknown address family");
	c->port = rd_u16(&rd);
	c->addr = rd_string(&rd);
	if (c->addr == NULL || rd_left(&rd) > 0)
		return broken(err, "connection: port and address must be all that follows");
	if (c->family == '6' && span_case_starts(span_str(c->addr), "IPv6:"))
		c->addr += sizeof("IPv6:") - 1;
	return 0;
}

static size_t
count_nuls(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\0';
	return n;
}

int
milter_parse_args(
    struct span data, struct arena *arena, const char ***args, size_t *n, struct err *err)
{
	size_t count = count_nuls(data);
	struct rd rd;

	if (count == 0 || data.p[data.len - 1] != '\0')
		return broken(err, "an argument without its end");
	if (count > ARGS_MAX)
		return broken(err, "too many arguments");
	*args = arena_alloc(arena, count * sizeof(**args));
	*n = count;
	rd_init(&rd, data);
	for (size_t i = 0; i < count; i++)
		(*args)[i] = rd_string(&rd);
	return 0;
}

int
milter_parse_header(struct span data, struct span *name, struct span *value, struct err *err)
{
	struct rd rd;

	rd_init(&rd, data);
	*name = rd_cstr(&rd);
	*value = rd_cstr(&rd);
	/* What stood behind the value's NUL, one MTA would pass on and another would not. */
	if (rd.bad || rd_left(&rd) > 0 || name->len == 0)
		return broken(err, "a header field must be a name and a value");
	return 0;
}

/* Without braces, in out; NULL: too long to be of interest. */
static const char *
macro_name(struct span s, char *out, size_t size)
{
	if (s.len > 2 && s.p[0] == '{' && s.p[s.len - 1] == '}')
		s = span_make(s.p + 1, s.len - 2);
	if (s.len >= size)
		return NULL;
	span_copy(s, out, size);
	return out;
}

int
milter_parse_macros(struct span data, enum milter_command *command,
    void (*f)(void *arg, const char *name, const char *value), void *arg, struct err *err)
{
	char room[MACRO_NAME_MAX];
	const char *name, *value;
	struct rd rd;
	uint8_t c;

	rd_init(&rd, data);
	c = rd_u8(&rd);
	if (rd.bad || !is_command(c))
		return broken(err, "macros must be for a command");
	*command = (enum milter_command)c;
	/* All or none: half of them would be taken for a client with half of its properties. */
	data = span_make(rd.p, rd_left(&rd));
	if (count_nuls(data) % 2 != 0 || (data.len > 0 && data.p[data.len - 1] != '\0'))
		return broken(err, "a macro without its value");
	while (rd_left(&rd) > 0) {
		name = macro_name(rd_cstr(&rd), room, sizeof(room));
		value = rd_string(&rd);
		if (name != NULL)
			f(arg, name, value);
	}
	return 0;
}

int
milter_macros_at(enum milter_command command, enum milter_macros_at *at)
{
	switch (command) {
	case MILTER_CONNECT:
		*at = MILTER_AT_CONNECT;
		return 1;
	case MILTER_HELO:
		*at = MILTER_AT_HELO;
		return 1;
	case MILTER_MAIL:
		*at = MILTER_AT_MAIL;
		return 1;
	case MILTER_RCPT:
		*at = MILTER_AT_RCPT;
		return 1;
	case MILTER_DATA:
		*at = MILTER_AT_DATA;
		return 1;
	case MILTER_END:
		*at = MILTER_AT_END;
		return 1;
	case MILTER_EOH:
		*at = MILTER_AT_EOH;
		return 1;
	case MILTER_ABORT:
	case MILTER_BODY:
	case MILTER_MACRO:
	case MILTER_QUIT_NC:
	case MILTER_HEADER:
	case MILTER_OPTNEG:
	case MILTER_QUIT:
	case MILTER_UNKNOWN:
		break;
	}
	return 0;
}
