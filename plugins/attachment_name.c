#include <stdio.h>
#include <string.h>

#include "plugins/attachment_name.h"

/* --- characters --- */

/* The character at p, and its octets in *len.  What is no UTF-8 is -1, and one octet. */
static long
character(const uint8_t *p, size_t n, size_t *len)
{
	static const struct {
		uint8_t mask, lead;
		long least;
	} forms[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	long c;

	*len = 1;
	if (p[0] < 0x80)
		return p[0];
	for (size_t i = 0; i < 3; i++) {
		if ((p[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (n < i + 2)
			return -1;
		c = p[0] & (uint8_t)~forms[i].mask;
		for (size_t k = 1; k < i + 2; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return -1;
			c = c << 6 | (p[k] & 0x3f);
		}
		if (c < forms[i].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return -1;
		*len = i + 2;
		return c;
	}
	return -1;
}

static int
in(long c, long from, long to)
{
	return c >= from && c <= to;
}

static int
is_control(long c)
{
	return in(c, 0, 0x1f) || in(c, 0x7f, 0x9f);
}

/* What has no width, or only says in which direction to write. */
static int
is_unseen(long c)
{
	return is_control(c) || c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e ||
	       in(c, 0x200b, 0x200f) || in(c, 0x202a, 0x202e) || in(c, 0x2060, 0x206f) ||
	       in(c, 0xfe00, 0xfe0f) || c == 0xfeff || in(c, 0xe0000, 0xe007f);
}

static int
is_blank(long c)
{
	return c == ' ' || c == '\t' || c == 0xa0 || c == 0x1680 || in(c, 0x2000, 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* ASCII in disguise, or the character itself. */
static long
plain(long c)
{
	if (in(c, 0xff01, 0xff5e))
		return c - 0xfee0;
	if (c == 0x2024 || c == 0xfe52 || c == 0x3002 || c == 0xff61)
		return '.';
	return c;
}

/* --- readings --- */

static void
put(struct att_reading *r, const uint8_t *p, size_t n)
{
	if (r->len + n > sizeof(r->p))
		return;
	memcpy(r->p + r->len, p, n);
	r->len += n;
}

/* Of what is too long its ends. */
static void
set(struct att_reading *r, const uint8_t *p, size_t n)
{
	const size_t half = ATT_READING_MAX / 2 - 10;

	r->len = 0;
	if (n <= ATT_READING_MAX) {
		put(r, p, n);
		return;
	}
	put(r, p, half);
	put(r, (const uint8_t *)"...", 3);
	put(r, p + n - half, half);
}

/* Another one, if it is not there yet and not empty. */
static void
add(struct att_readings *all, const struct att_reading *r)
{
	if (r->len == 0 || all->n == ATT_READINGS_MAX)
		return;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].len == r->len && memcmp(all->v[i].p, r->p, r->len) == 0)
			return;
	all->v[all->n++] = *r;
}

static struct filterd_octets
last_component(struct filterd_octets o)
{
	size_t at;

	while (o.len > 0 && (o.p[o.len - 1] == '/' || o.p[o.len - 1] == '\\'))
		o.len--;
	for (at = o.len; at > 0; at--)
		if (o.p[at - 1] == '/' || o.p[at - 1] == '\\')
			break;
	return (struct filterd_octets){ o.p + at, o.len - at };
}

/* What Windows drops at the end. */
static void
trim(struct att_reading *r)
{
	while (r->len > 0 && (r->p[r->len - 1] == '.' || r->p[r->len - 1] == ' '))
		r->len--;
}

static void
normalise(const struct att_reading *from, struct att_reading *to)
{
	const uint8_t *p = from->p, *end = p + from->len;
	size_t len;

	to->len = 0;
	for (; p < end; p += len) {
		long c = character(p, (size_t)(end - p), &len), ascii = plain(c);
		uint8_t octet = (uint8_t)ascii;

		if (is_blank(c)) {
			if (to->len > 0 && to->p[to->len - 1] != ' ')
				put(to, (const uint8_t *)" ", 1);
		} else if (c == -1 || (ascii == c && !is_unseen(c))) {
			put(to, p, len);
		} else if (ascii != c) {
			put(to, &octet, 1);
		}
	}
	trim(to);
}

/* As it is displayed: behind an override letters go from right to left, up to a "pop". */
static int
display(const struct att_reading *from, struct att_reading *to)
{
	static const uint8_t override[] = { 0xe2, 0x80, 0xae }, pop[] = { 0xe2, 0x80, 0xac };
	const uint8_t *p = from->p, *end = p + from->len;
	size_t at = 0, len;
	int turned = 0;

	to->len = 0;
	for (; p < end; p += len) {
		(void)character(p, (size_t)(end - p), &len);
		if (len == 3 && memcmp(p, override, 3) == 0) {
			turned = 1;
			at = to->len;
		} else if (len == 3 && memcmp(p, pop, 3) == 0) {
			at = to->len;
		} else if (turned && at < to->len) {
			memmove(to->p + at + len, to->p + at, to->len - at);
			memcpy(to->p + at, p, len);
			to->len += len;
		} else {
			put(to, p, len);
		}
		/* From the pop on it goes from left to right again. */
		if (len == 3 && memcmp(p, pop, 3) == 0)
			turned = 0;
	}
	return to->len != from->len;
}

static void
add_normalised(struct att_readings *all, const struct att_reading *r)
{
	struct att_reading n;
	const uint8_t *colon;

	normalise(r, &n);
	add(all, &n);
	/* "x.exe::$DATA" and "x.exe:y.txt" are x.exe, or in it. */
	colon = memchr(n.p, ':', n.len);
	if (colon == NULL)
		return;
	n.len = (size_t)(colon - n.p);
	trim(&n);
	add(all, &n);
}

void
att_readings(struct filterd_octets name, struct att_readings *out)
{
	struct filterd_octets o = last_component(name);
	const uint8_t *nul = name.len > 0 ? memchr(name.p, '\0', name.len) : NULL;
	struct att_reading raw, shown;

	out->n = 0;
	set(&raw, o.p, o.len);
	add(out, &raw);
	add_normalised(out, &raw);
	if (display(&raw, &shown))
		add_normalised(out, &shown);
	if (nul == NULL)
		return;
	o = last_component((struct filterd_octets){ name.p, (size_t)(nul - name.p) });
	set(&raw, o.p, o.len);
	add_normalised(out, &raw);
}

/* --- fields --- */

/* How the character at p is shown; its octets in *len. */
static size_t
token(const uint8_t *p, size_t n, size_t *len, char out[8])
{
	long c = character(p, n, len);

	if (c == -1 || c == ';' || c == '\\' || (is_control(c) && *len == 1))
		return *len = 1, (size_t)snprintf(out, 8, "\\x%02x", p[0]);
	if (is_control(c))
		return (size_t)snprintf(out, 8, "\\u%04lx", (unsigned long)c);
	memcpy(out, p, *len);
	return *len;
}

void
att_show(struct filterd_octets o, char *out, size_t size)
{
	const size_t room = size - 1, head = room / 3, tail = room - head - 3;
	size_t total = 0, before = 0, n = 0, len, shown;
	int cut = 0;
	char t[8];

	for (size_t i = 0; i < o.len; i += len)
		total += token(o.p + i, o.len - i, &len, t);
	for (size_t i = 0; i < o.len; i += len) {
		shown = token(o.p + i, o.len - i, &len, t);
		if (total <= room || before + shown <= head || total - before <= tail) {
			memcpy(out + n, t, shown);
			n += shown;
		} else if (!cut) {
			memcpy(out + n, "...", 3);
			n += 3;
			cut = 1;
		}
		before += shown;
	}
	out[n] = '\0';
}
