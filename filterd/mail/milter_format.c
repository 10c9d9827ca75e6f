/* The writing half of milter_syntax.h. */
#include <string.h>

#include "mail/milter_syntax.h"
#include "mail/reply.h"

#define LENGTH_OCTETS 4

static void
put_u32(struct buf *out, uint32_t n)
{
	const uint8_t octets[] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
		(uint8_t)n };

	buf_add(out, octets, sizeof(octets));
}

/* Begin a packet; what is added until packet_end() is its data. */
static size_t
packet_begin(struct buf *out, int command)
{
	size_t at = out->len;

	put_u32(out, 0);
	buf_addc(out, (char)command);
	return at;
}

static void
packet_end(struct buf *out, size_t at)
{
	uint32_t n = (uint32_t)(out->len - at - LENGTH_OCTETS);

	for (int i = 0; i < LENGTH_OCTETS; i++)
		out->p[at + (size_t)i] = (char)(n >> (24 - 8 * i));
}

void
milter_put(struct buf *out, enum milter_reply reply)
{
	packet_end(out, packet_begin(out, reply));
}

/* A text and its NUL. */
static void
put_string(struct buf *out, const char *s)
{
	buf_add(out, s, strlen(s) + 1);
}

void
milter_put_optneg(
    struct buf *out, const struct milter_options *o, const char *const macros[MILTER_ATS])
{
	size_t at = packet_begin(out, MILTER_OPTNEG);

	put_u32(out, o->version);
	put_u32(out, o->actions);
	put_u32(out, o->steps);
	for (uint32_t i = 0; i < MILTER_ATS; i++) {
		if (macros[i] == NULL)
			continue;
		put_u32(out, i);
		put_string(out, macros[i]);
	}
	packet_end(out, at);
}

/* The MTA takes it for a format. */
static void
double_percents(struct buf *out, struct span s)
{
	struct span head;

	while (span_cut(s, '%', &head, &s)) {
		buf_add_span(out, head);
		buf_adds(out, "%%");
	}
	buf_add_span(out, head);
}

static int
is_enhanced(struct span s)
{
	return s.len > 0 && enhanced_len(s) == s.len;
}

void
milter_put_replycode(struct buf *out, int code, const char *enhanced, const char *text)
{
	size_t at = packet_begin(out, MILTER_R_REPLYCODE);
	struct buf lines = { 0 };

	/* A reply with any other code is malformed; what comes of it depends on the MTA. */
	if (code < 400 || code > 599)
		code = 451;
	/* To Postfix it is malformed without an enhanced code too.  Its class is put right below.
	 */
	if (!is_enhanced(span_str(enhanced)))
		enhanced = "5.0.0";
	reply_format(&lines, code, enhanced, text);
	double_percents(out, span_make(lines.p, lines.len - (sizeof("\r\n") - 1)));
	buf_addc(out, '\0');
	packet_end(out, at);
	buf_fini(&lines);
}

/* Other controls stay, or an MTA would not find the field that is to be changed. */
static void
put_name(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		buf_addc(out, *s == '\r' || *s == '\n' ? '?' : *s);
	buf_addc(out, '\0');
}

/* A line of a value that did not begin with white space would be another field (PITFALLS C1). */
static void
put_value(struct buf *out, struct span v)
{
	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.p[i];
		uint8_t next = i + 1 < v.len ? v.p[i + 1] : '\0';

		if (c == '\r' && next == '\n')
			continue;
		if (c == '\n' && i + 1 == v.len)
			break;
		buf_addc(out, c == '\r' || c == '\0' ? ' ' : (char)c);
		if (c == '\n' && next != ' ' && next != '\t')
			buf_addc(out, ' ');
	}
}

void
milter_put_header(
    struct buf *out, enum milter_reply reply, uint32_t index, const char *name, struct span value)
{
	size_t at = packet_begin(out, reply);
	size_t value_at;

	if (reply != MILTER_R_ADDHEADER)
		put_u32(out, index);
	put_name(out, name);
	value_at = out->len;
	put_value(out, value);
	/* No octet at all deletes the field. */
	if (reply == MILTER_R_CHGHEADER && value.p != NULL && out->len == value_at)
		buf_addc(out, ' ');
	buf_addc(out, '\0');
	packet_end(out, at);
}

void
milter_put_body(struct buf *out, struct span body)
{
	size_t done = 0;

	/* Room for all of it at once: a body is the one thing here that is big. */
	buf_reserve(out, body.len + (body.len / MILTER_DATA_64K + 1) * (LENGTH_OCTETS + 1));
	do {
		size_t left = body.len - done;
		size_t n = left < MILTER_DATA_64K ? left : MILTER_DATA_64K;
		size_t at = packet_begin(out, MILTER_R_REPLBODY);

		if (n > 0)
			buf_add(out, body.p + done, n);
		packet_end(out, at);
		done += n;
	} while (done < body.len);
}

/* An address or a reason is one line, whatever table it came from. */
static void
put_one_line(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		buf_addc(out, (uint8_t)*s < ' ' || *s == 0x7f ? '?' : *s);
	buf_addc(out, '\0');
}

void
milter_put_text(struct buf *out, enum milter_reply reply, const char *text, const char *params)
{
	size_t at = packet_begin(out, reply);

	put_one_line(out, text);
	if (params != NULL)
		put_one_line(out, params);
	packet_end(out, at);
}
