/*
 * What clamd answers: "stream: OK", "fd[10]: NAME FOUND", "stream: why ERROR", "INSTREAM size limit
 * exceeded. ERROR".
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include <ctype.h>
#include <string.h>

#include "plugins/clamav_clamd.h"

struct text {
	const char *p;
	size_t n;
};

static int
ends_in(struct text t, const char *tail)
{
	size_t n = strlen(tail);

	return t.n >= n && memcmp(t.p + t.n - n, tail, n) == 0;
}

static int
begins_with(struct text t, const char *head)
{
	size_t n = strlen(head);

	return t.n >= n && memcmp(t.p, head, n) == 0;
}

/* Behind the name of what was scanned, which has no blank in it here. */
static int
skip_object(struct text *t)
{
	const char *colon = memchr(t->p, ':', t->n);
	size_t n = colon == NULL ? 0 : (size_t)(colon - t->p);

	if (n == 0 || n + 2 > t->n || colon[1] != ' ' || memchr(t->p, ' ', n) != NULL)
		return -1;
	t->p += n + 2;
	t->n -= n + 2;
	return 0;
}

static void
copy(char *detail, struct text t)
{
	size_t n = t.n > CLAM_NAME_MAX ? CLAM_NAME_MAX : t.n;

	for (size_t i = 0; i < n; i++)
		detail[i] = isprint((unsigned char)t.p[i]) ? t.p[i] : '?';
	detail[n] = '\0';
}

/* A name is one word. */
static enum clamd_word
found(struct text t, char *detail)
{
	t.n -= sizeof(" FOUND") - 1;
	if (t.n == 0 || t.n > CLAM_NAME_MAX || memchr(t.p, ' ', t.n) != NULL)
		return CLAMD_NONSENSE;
	for (size_t i = 0; i < t.n; i++)
		if (!isgraph((unsigned char)t.p[i]))
			return CLAMD_NONSENSE;
	copy(detail, t);
	return CLAMD_FOUND;
}

enum clamd_word
clamd_answer_parse(const char *answer, size_t n, char *detail)
{
	struct text t = { answer, n };

	copy(detail, t);
	if (begins_with(t, "INSTREAM size limit exceeded") && ends_in(t, " ERROR"))
		return CLAMD_TOO_LARGE;
	if (skip_object(&t) == -1)
		return ends_in(t, " ERROR") ? CLAMD_ERROR : CLAMD_NONSENSE;
	if (t.n == 2 && memcmp(t.p, "OK", 2) == 0)
		return CLAMD_CLEAN;
	if (ends_in(t, " FOUND"))
		return found(t, detail);
	if (!ends_in(t, " ERROR"))
		return CLAMD_NONSENSE;
	t.n -= sizeof(" ERROR") - 1;
	copy(detail, t);
	return CLAMD_ERROR;
}
