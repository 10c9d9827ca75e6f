#include <assert.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/xmem.h"
#include "client/wire.h"

#define SCRATCH_SIZE 4096
#define SHORT        64 /* up to here a copy is cheaper than a buffer of its own */
#define BLOCK        64

/* What a round of wire_add() may use up: a stretch and a few octets behind it. */
#define ROUND_IOV     2
#define ROUND_SCRATCH (SHORT + 4)
#define END_IOV       2

struct masks { /* a bit an octet of a block */
	uint64_t cr, lf, dot;
};

#ifdef __SSE2__
static struct masks
block_masks(const uint8_t *p)
{
	const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), dot = _mm_set1_epi8('.');
	struct masks m = { 0, 0, 0 };

	for (unsigned k = 0; k < 4; k++) {
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * (size_t)k));

		m.cr |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(b, cr)) << (16 * k);
		m.lf |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(b, lf)) << (16 * k);
		m.dot |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(b, dot)) << (16 * k);
	}
	return m;
}
#else
static struct masks
block_masks(const uint8_t *p)
{
	struct masks m = { 0, 0, 0 };

	for (unsigned k = 0; k < BLOCK; k++) {
		m.cr |= (uint64_t)(p[k] == '\r') << k;
		m.lf |= (uint64_t)(p[k] == '\n') << k;
		m.dot |= (uint64_t)(p[k] == '.') << k;
	}
	return m;
}
#endif

size_t
wire_scan(const uint8_t *p, size_t n, int line_start)
{
	uint64_t after_lf = line_start != 0, after_cr = 0;
	size_t i = 0;

	/* One octet of look-ahead, for a CR at the end of the block. */
	for (; n - i > BLOCK; i += BLOCK) {
		struct masks m = block_masks(p + i);
		uint64_t next_lf = m.lf >> 1 | (uint64_t)(p[i + BLOCK] == '\n') << 63;
		uint64_t bad = (m.cr & ~next_lf) | (m.lf & ~(m.cr << 1 | after_cr)) |
			       (m.dot & (m.lf << 1 | after_lf));

		if (bad != 0)
			return i + (size_t)__builtin_ctzll(bad);
		after_cr = m.cr >> 63;
		after_lf = m.lf >> 63;
	}
	if (after_cr) { /* its LF was seen already */
		i++;
		after_lf = 1;
	}
	for (; i < n; i++) {
		if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n') {
			i++;
			after_lf = 1;
			continue;
		}
		if (p[i] == '\r' || p[i] == '\n' || (after_lf && p[i] == '.'))
			return i;
		after_lf = 0;
	}
	return n;
}

static void
emit(struct wire *w, const void *p, size_t n)
{
	struct iovec *last = w->n == 0 ? NULL : &w->v[w->n - 1];

	w->bytes += n;
	if (n <= SHORT) {
		uint8_t *to;

		if (w->scratch == NULL)
			w->scratch = xmalloc(SCRATCH_SIZE);
		to = w->scratch + w->scratch_used;
		memcpy(to, p, n);
		w->scratch_used += n;
		p = to;
	}
	if (last != NULL && (const uint8_t *)last->iov_base + last->iov_len == p) {
		last->iov_len += n;
		return;
	}
	assert(w->n < WIRE_IOV);
	w->v[w->n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = n };
}

static int
has_room(const struct wire *w)
{
	return w->bytes < WIRE_MAX && w->n + ROUND_IOV + END_IOV <= WIRE_IOV &&
	       w->scratch_used + ROUND_SCRATCH <= SCRATCH_SIZE;
}

void
wire_begin(struct wire *w)
{
	w->at = WIRE_LINE;
	wire_sent(w);
}

size_t
wire_add(struct wire *w, struct span piece)
{
	size_t i = 0;

	while (i < piece.len && has_room(w)) {
		const uint8_t *p = piece.p + i;
		size_t left = piece.len - i, clean;

		if (w->at == WIRE_CR) {
			/* Behind a CR that ended a piece, or one that must not leave. */
			if (*p == '\n') {
				emit(w, "\r\n", 2);
				w->at = WIRE_LINE;
				i++;
			} else {
				emit(w, " ", 1);
				w->at = WIRE_TEXT;
			}
			continue;
		}
		if (w->at == WIRE_LINE && *p == '.') {
			emit(w, ".", 1);
			w->at = WIRE_TEXT;
		}
		if (left > WIRE_MAX)
			left = WIRE_MAX;
		clean = wire_scan(p, left, w->at == WIRE_LINE);
		if (clean > 0) {
			emit(w, p, clean);
			w->at = p[clean - 1] == '\n' ? WIRE_LINE : WIRE_TEXT;
			i += clean;
		} else if (*p == '\r') {
			w->at = WIRE_CR;
			i++;
		} else if (*p == '\n') {
			emit(w, "\r\n", 2);
			w->at = WIRE_LINE;
			i++;
		}
	}
	return i;
}

void
wire_end(struct wire *w)
{
	static const char end[] = " \r\n.\r\n";
	static const size_t skip[] = { [WIRE_LINE] = 3, [WIRE_TEXT] = 1, [WIRE_CR] = 0 };
	const char *p = end + skip[w->at];
	size_t n = sizeof(end) - 1 - skip[w->at];

	assert(w->n < WIRE_IOV);
	w->v[w->n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	w->bytes += n;
	w->at = WIRE_LINE;
}

void
wire_sent(struct wire *w)
{
	w->n = w->bytes = w->scratch_used = 0;
}

void
wire_fini(struct wire *w)
{
	free(w->scratch);
	w->scratch = NULL;
	wire_sent(w);
}
