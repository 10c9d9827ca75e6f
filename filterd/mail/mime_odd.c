/* What a walk notices that mail readers are at odds about. */
#include "mail/codec.h"
#include "mail/mime_impl.h"

#define ENCODED (1u << CODEC_BASE64 | 1u << CODEC_QP | 1u << CODEC_UU | 1u << CODEC_YENC)

static void
readings(struct mime_walk *w, unsigned odd)
{
	w->index->odd |= odd | MIME_ODD_READINGS;
}

/* --- header fields --- */

/* raw_value: with its folding, in the message. */
void
mime_odd_type(struct mime_walk *w, struct span raw_value)
{
	struct mime_odd_head *h = &w->odd;
	struct span value = span_trim(raw_value);

	h->boundaries = 0;
	if (h->types++ == 0) {
		h->type = value;
		return;
	}
	w->index->odd |= MIME_ODD_TYPES;
	if (!span_eq(h->type, value))
		w->index->odd |= MIME_ODD_READINGS;
}

void
mime_odd_boundary(struct mime_walk *w, struct span boundary)
{
	struct mime_odd_head *h = &w->odd;

	if (h->boundaries++ == 0)
		h->boundary = boundary;
	else if (!span_eq(h->boundary, boundary))
		w->index->odd |= MIME_ODD_READINGS;
}

void
mime_odd_type_end(struct mime_walk *w, int multipart)
{
	if (multipart && w->odd.boundaries == 0)
		readings(w, MIME_ODD_NO_BOUNDARY);
}

void
mime_odd_encoding(struct mime_walk *w, struct span value)
{
	struct mime_odd_head *h = &w->odd;
	unsigned codec = codec_named(value);

	if (h->codecs != 0 || (codec & (codec - 1)) != 0)
		w->index->odd |= MIME_ODD_ENCODINGS;
	if ((h->codecs & ~codec) != 0 || (codec & (codec - 1)) != 0)
		w->index->odd |= MIME_ODD_READINGS;
	if ((codec & 1u << CODEC_UNKNOWN) != 0)
		readings(w, MIME_ODD_UNKNOWN_ENCODING);
	h->codecs |= codec;
}

void
mime_odd_header_end(struct mime_walk *w)
{
	if (w->type.kind != MIME_KIND_OTHER && (w->odd.codecs & ENCODED) != 0)
		readings(w, MIME_ODD_ENCODED_CONTAINER);
	w->odd = (struct mime_odd_head){ 0 };
}

/* --- boundaries --- */

/* It cannot come any more. */
static void
judge(struct mime_walk *w, const struct mime_delim *d)
{
	if (d->closed)
		return;
	if (d->opened)
		w->index->odd |= MIME_ODD_NO_END;
	else
		readings(w, MIME_ODD_NO_BOUNDARY);
}

static void
mark(struct mime_delim *d, int closing)
{
	d->opened = 1;
	d->closed |= closing;
}

void
mime_odd_boundary_line(struct mime_walk *w, size_t i, int closing)
{
	struct mime_delim *d = &w->delims[i];
	size_t k = i + 1;

	/* All boundaries of one part stand for each other. */
	if (!d->opened || closing)
		for (size_t n = i; n-- > 0 && w->delims[n].owner == d->owner;)
			mark(&w->delims[n], closing);
	mark(d, closing);
	while (k < w->ndelims && w->delims[k].owner == d->owner)
		k++;
	for (; k < w->ndelims; k++)
		judge(w, &w->delims[k]);
}

void
mime_odd_end(struct mime_walk *w)
{
	for (size_t i = 0; i < w->ndelims; i++)
		judge(w, &w->delims[i]);
}
