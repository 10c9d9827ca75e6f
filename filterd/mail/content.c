#include <assert.h>
#include <string.h>

#include "mail/content.h"
#include "mail/content_scan.h"

enum state {
	AT_LINE,     /* at the start of a line */
	IN_LINE,     /* behind octets of a line that are decided */
	AFTER_CR,    /* in a line; the CR is held */
	AFTER_DOT,   /* a dot at the start of a line was read, and removed */
	AFTER_DOTCR, /* and a CR behind it, which is held */
	AFTER_LONE,  /* behind a dot with a CR before it, or a dot and NULs: a line end now would be
			taken for the end of the message by some other server */
};

/* One piece on its way: octets are read at `in`, written at `out`, which is never ahead. */
struct feed {
	struct content *c;
	uint8_t *in, *end, *out;
	uint8_t *room_end;
};

void
content_init(struct content *c, enum content_mode mode)
{
	*c = (struct content){
		.mode = mode, .state = AT_LINE, .seen = mode == CONTENT_BDAT ? SEEN_DOT_LINE : 0
	};
}

static void
put(struct feed *f, uint8_t octet)
{
	*f->out++ = octet;
	f->c->line_len++;
}

/* The line end at `in` has been read, and nothing of it was written. */
static void
put_line_end(struct feed *f)
{
	struct content *c = f->c;

	if (f->out + 2 > f->in) {
		/* A bare LF grows and nothing was removed before it.  Moving the rest to the end of
		 * the room once makes way for every further one. */
		size_t left = (size_t)(f->end - f->in);

		memmove(f->room_end - left, f->in, left);
		f->in = f->room_end - left;
		f->end = f->room_end;
	}
	*f->out++ = '\r';
	*f->out++ = '\n';
	if (c->line_len > CONTENT_LINE)
		c->seen |= SEEN_LONG_LINE;
	c->line_len = 0;
	c->state = AT_LINE;
}

static void
bare_lf(struct feed *f)
{
	f->in++;
	f->c->seen |= SEEN_BARE_LF;
	put_line_end(f);
	f->c->after_bare_lf = 1;
}

/* The held CR turned out not to be part of a line end; what follows it is still unread. */
static void
bare_cr(struct feed *f)
{
	struct content *c = f->c;

	c->seen |= SEEN_BARE_CR;
	put(f, ' ');
	c->state = IN_LINE;
	if (*f->in == '\r') {
		f->in++;
		c->state = AFTER_CR;
	} else if (*f->in == '.' && c->mode == CONTENT_DATA) {
		put(f, *f->in++);
		c->state = AFTER_LONE;
	}
}

static void
feed_line(struct feed *f)
{
	struct content *c = f->c;
	size_t n;

	if (c->state == AT_LINE && c->mode == CONTENT_DATA && *f->in == '.') {
		f->in++;
		c->state = AFTER_DOT;
		return;
	}
	n = content_scan(
	    f->in, (size_t)(f->end - f->in), c->mode == CONTENT_DATA, &c->line_len, &c->seen);
	if (n > 0) {
		if (f->out != f->in)
			memmove(f->out, f->in, n);
		f->in += n;
		f->out += n;
		c->state = f->in[-1] == '\n' ? AT_LINE : IN_LINE;
		c->after_bare_lf = 0; /* true of AT_LINE, of no matter in a line */
		return;
	}
	if (*f->in == '\r') {
		f->in++;
		c->state = AFTER_CR;
	} else {
		bare_lf(f);
	}
}

static void
feed_after_cr(struct feed *f)
{
	if (*f->in != '\n') {
		bare_cr(f);
		return;
	}
	f->in++;
	put_line_end(f);
	f->c->after_bare_lf = 0;
}

/* A line that was a dot alone and is not the end: nothing of it is left. */
static void
drop_lone_dot(struct feed *f, int bare)
{
	struct content *c = f->c;

	f->in++;
	c->seen |= SEEN_SMUGGLING | (bare ? SEEN_BARE_LF : 0);
	c->after_bare_lf = bare;
	c->state = AT_LINE;
}

static void
feed_after_dot(struct feed *f)
{
	struct content *c = f->c;

	switch (*f->in) {
	case '\r':
		f->in++;
		c->state = AFTER_DOTCR;
		break;
	case '\n':
		drop_lone_dot(f, 1);
		break;
	case '\0':
		c->state = AFTER_LONE;
		break;
	case '.':
		c->seen |= SEEN_DOT_LINE;
		c->state = IN_LINE;
		break;
	default:
		c->state = IN_LINE;
	}
}

static void
feed_after_dotcr(struct feed *f)
{
	struct content *c = f->c;

	if (*f->in != '\n') {
		c->seen |= SEEN_SMUGGLING;
		bare_cr(f);
	} else if (c->after_bare_lf) {
		drop_lone_dot(f, 0);
	} else {
		f->in++;
		c->done = 1;
	}
}

static void
feed_after_lone(struct feed *f)
{
	struct content *c = f->c;

	if (*f->in == '\0') {
		c->seen |= SEEN_NUL;
		put(f, *f->in++);
		return;
	}
	if (*f->in == '\r' || *f->in == '\n')
		c->seen |= SEEN_SMUGGLING;
	c->state = IN_LINE;
}

size_t
content_feed(struct content *c, uint8_t *buf, size_t n, struct span *rest)
{
	struct feed f = {
		.c = c,
		.in = buf + c->held,
		.end = buf + c->held + n,
		.out = buf,
		.room_end = buf + CONTENT_ROOM(n),
	};

	assert(!c->done);
	while (f.in < f.end && !c->done) {
		switch ((enum state)c->state) {
		case AT_LINE:
		case IN_LINE:
			feed_line(&f);
			break;
		case AFTER_CR:
			feed_after_cr(&f);
			break;
		case AFTER_DOT:
			feed_after_dot(&f);
			break;
		case AFTER_DOTCR:
			feed_after_dotcr(&f);
			break;
		case AFTER_LONE:
			feed_after_lone(&f);
			break;
		}
	}
	c->held = !c->done && (c->state == AFTER_CR || c->state == AFTER_DOTCR);
	*rest = span_make(f.in, (size_t)(f.end - f.in));
	return (size_t)(f.out - buf);
}

size_t
content_finish(struct content *c, uint8_t *buf)
{
	size_t n = 0;

	if (c->state == AFTER_CR) {
		c->seen |= SEEN_BARE_CR;
		buf[n++] = ' ';
		c->line_len++;
		c->state = IN_LINE;
	}
	if (c->state != AT_LINE) {
		buf[n++] = '\r';
		buf[n++] = '\n';
	}
	if (c->line_len > CONTENT_LINE)
		c->seen |= SEEN_LONG_LINE;
	c->line_len = 0;
	c->state = AT_LINE;
	c->held = 0;
	c->done = 1;
	return n;
}
