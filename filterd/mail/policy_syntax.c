#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "mail/policy_syntax.h"

enum attr_kind { ATTR_TEXT, ATTR_NUMBER };

struct attr {
	const char *name;
	size_t len;
	enum attr_kind kind;
	size_t offset; /* of the member */
};

static const struct attr attrs[] = {
#define ATTR(name, kind) { #name, sizeof(#name) - 1, kind, offsetof(struct policy_request, name) },
#define TEXT(name)       ATTR(name, ATTR_TEXT)
#define NUMBER(name)     ATTR(name, ATTR_NUMBER)
#include "mail/policy_attrs.def"
#undef TEXT
#undef NUMBER
#undef ATTR
};
#define NATTRS nitems(attrs)

static const char **
text_member(struct policy_request *r, const struct attr *a)
{
	return (const char **)((char *)r + a->offset);
}

static int64_t *
number_member(struct policy_request *r, const struct attr *a)
{
	return (int64_t *)((char *)r + a->offset);
}

void
policy_request_init(struct policy_request *r)
{
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < NATTRS; i++)
		if (attrs[i].kind == ATTR_TEXT)
			*text_member(r, &attrs[i]) = "";
	r->request = POLICY_REQUEST;
}

/* --- reading --- */

/* The bytes up to and with the first empty line; 0: there is none. */
static size_t
find_end(struct span s)
{
	const uint8_t *at;

	if (s.len > 0 && s.p[0] == '\n')
		return 1;
	at = s.len == 0 ? NULL : memmem(s.p, s.len, "\n\n", 2);
	return at == NULL ? 0 : (size_t)(at - s.p) + 2;
}

static enum policy_found
find_message(struct span s, size_t max, size_t *len, struct err *err)
{
	size_t n = find_end(s);

	if (n > max || (n == 0 && s.len >= max)) {
		err_set(err, ERR_PEER, "more than %zu octets", max);
		return POLICY_BROKEN;
	}
	*len = n;
	return n == 0 ? POLICY_MORE : POLICY_WHOLE;
}

enum policy_found
policy_request_find(struct span s, size_t *len, struct err *err)
{
	return find_message(s, POLICY_REQUEST_MAX, len, err);
}

static int
broken(struct err *err, const char *why, struct span what)
{
	char text[64];

	span_copy(what, text, sizeof(text));
	err_set(err, ERR_PEER, "%s: \"%s\"", why, text);
	return -1;
}

/* The attribute of this name, `next` being the one that is expected; NATTRS: none of ours. */
static size_t
find_attr(struct span name, size_t next)
{
	for (size_t n = 0; n < NATTRS; n++) {
		size_t i = (next + n) % NATTRS;

		if (attrs[i].len == name.len && memcmp(attrs[i].name, name.p, name.len) == 0)
			return i;
	}
	return NATTRS;
}

static int
set_number(struct policy_request *r, const struct attr *a, struct span value, struct err *err)
{
	uint64_t n = 0;

	if (value.len > 0 && span_u64(value, INT64_MAX, &n) == -1)
		return broken(err, "not a number", span_str(a->name));
	*number_member(r, a) = (int64_t)n;
	return 0;
}

/* What the lines of one request share. */
struct reading {
	struct policy_request *r;
	char seen[NATTRS];
	size_t next; /* the attribute expected in the next line */
	size_t lines;
};

/* `line` is in our own memory, and the octet behind it is ours to make a NUL. */
static int
take_line(struct reading *rd, char *line, size_t len, struct err *err)
{
	struct span name, value;
	size_t i;

	if (len > POLICY_LINE_MAX || ++rd->lines > POLICY_ATTRS_MAX)
		return broken(err, len > POLICY_LINE_MAX ? "line too long" : "too many attributes",
		    span_make(line, len));
	if (!span_cut(span_make(line, len), '=', &name, &value) || name.len == 0)
		return broken(err, "not NAME=VALUE", span_make(line, len));
	i = find_attr(name, rd->next);
	if (i == NATTRS)
		return 0;
	if (rd->seen[i])
		return broken(err, "given twice", name);
	rd->seen[i] = 1;
	rd->next = i + 1;
	if (attrs[i].kind == ATTR_NUMBER)
		return set_number(rd->r, &attrs[i], value, err);
	line[len] = '\0';
	*text_member(rd->r, &attrs[i]) = line + name.len + 1;
	return 0;
}

int
policy_request_parse(
    struct arena *arena, struct span whole, struct policy_request *r, struct err *err)
{
	struct reading rd = { .r = r };
	char *at, *end, *lf;

	policy_request_init(r);
	r->request = "";
	if (whole.len > POLICY_REQUEST_MAX || memchr(whole.p, '\0', whole.len) != NULL)
		return broken(
		    err, whole.len > POLICY_REQUEST_MAX ? "too long" : "a NUL", span_make("", 0));
	/* One copy; values become strings where they stand. */
	at = arena_alloc(arena, whole.len + 1);
	memcpy(at, whole.p, whole.len);
	for (end = at + whole.len; at < end && *at != '\n'; at = lf + 1) {
		lf = memchr(at, '\n', (size_t)(end - at));
		if (lf == NULL)
			return broken(err, "no line end", span_make(at, (size_t)(end - at)));
		if (take_line(&rd, at, (size_t)(lf - at), err) == -1)
			return -1;
	}
	if (strcmp(r->request, POLICY_REQUEST) != 0)
		return broken(err, "request must be " POLICY_REQUEST, span_str(r->request));
	return 0;
}

/* The first `action` of the lines; 0, or -1. */
static int
find_action(struct span lines, struct span *action, struct err *err)
{
	struct span line, name, value;
	int found = 0;

	while (span_cut(lines, '\n', &line, &lines) && line.len > 0) {
		if (!span_cut(line, '=', &name, &value) || name.len == 0)
			return broken(err, "not NAME=VALUE", line);
		if (!found && span_eq_str(name, "action")) {
			*action = value;
			found = 1;
		}
	}
	return found ? 0 : broken(err, "no action", span_make("", 0));
}

enum policy_found
policy_reply_parse(
    struct arena *arena, struct span s, size_t *len, const char **action, struct err *err)
{
	enum policy_found found = find_message(s, POLICY_REPLY_MAX, len, err);
	struct span text = { 0 };

	if (found != POLICY_WHOLE)
		return found;
	if (find_action(span_make(s.p, *len), &text, err) == -1)
		return POLICY_BROKEN;
	*action = arena_str(arena, text);
	if (*action == NULL) {
		broken(err, "a NUL", span_make("", 0));
		return POLICY_BROKEN;
	}
	return POLICY_WHOLE;
}

/* --- writing --- */

/* PITFALLS B6: a line end in a value would begin another attribute. */
static void
add_value(struct buf *out, const char *value)
{
	for (const char *lf; (lf = strchr(value, '\n')) != NULL; value = lf + 1) {
		buf_add(out, value, (size_t)(lf - value));
		buf_addc(out, '?');
	}
	buf_adds(out, value);
}

void
policy_request_format(const struct policy_request *r, struct buf *out)
{
#define NAME(name)   buf_add(out, #name "=", sizeof(#name "=") - 1)
#define TEXT(name)   NAME(name), add_value(out, r->name), buf_addc(out, '\n');
#define NUMBER(name) NAME(name), buf_add_num(out, r->name), buf_addc(out, '\n');
#include "mail/policy_attrs.def"
#undef TEXT
#undef NUMBER
#undef NAME
	buf_addc(out, '\n');
}

void
policy_reply_format(const char *action, struct buf *out)
{
	size_t from;

	buf_adds(out, "action=");
	from = out->len;
	buf_adds(out, action);
	for (size_t i = from; i < out->len; i++)
		if ((uint8_t)out->p[i] < ' ' || out->p[i] == 0x7f)
			out->p[i] = ' ';
	buf_adds(out, "\n\n");
}
