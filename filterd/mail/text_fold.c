#include "mail/text_fold.h"

#include "base/attr.h"
#include "mail/utf8.h"

struct fold {
	uint32_t first;
	uint16_t n;
	uint8_t rises, len;
	char text[5];
};

static const struct fold folds[] = {
#define F(first, n, rises, text) { first, n, rises, sizeof(text) - 1, text },
#include "mail/text_fold.def"
#undef F
};

static const struct fold *
find(uint32_t c)
{
	size_t low = 0, high = nitems(folds);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c < folds[mid].first)
			high = mid;
		else if (c >= folds[mid].first + folds[mid].n)
			low = mid + 1;
		else
			return &folds[mid];
	}
	return NULL;
}

static void
fold_char(const struct fold *f, uint32_t c, struct buf *out)
{
	if (f->rises)
		buf_addc(out, (char)((uint8_t)f->text[0] + (c - f->first)));
	else
		buf_add(out, f->text, f->len);
}

void
text_fold(struct span s, struct buf *out)
{
	buf_grow(out, s.len);
	while (s.len > 0) {
		const struct fold *f = NULL;
		size_t n = 0;
		uint32_t c;

		while (n < s.len && s.p[n] < 0x80)
			n++;
		buf_add(out, s.p, n);
		s = span_make(s.p + n, s.len - n);
		if (s.len == 0)
			break;
		n = utf8_get(s, &c);
		if (n > 0)
			f = find(c);
		n += n == 0;
		if (f != NULL)
			fold_char(f, c, out);
		else
			buf_add(out, s.p, n);
		s = span_make(s.p + n, s.len - n);
	}
}
