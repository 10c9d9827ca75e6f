/*
 * html_reader - what the files of html_token share
 */
#ifndef MAIL_HTML_READER_H
#define MAIL_HTML_READER_H

#include "mail/html_token.h"

static inline struct span
html_span(struct span in, size_t from, size_t to)
{
	return in.p == NULL ? in : span_make(in.p + from, to - from); /* NULL: it is empty */
}

static inline int
html_starts(struct span in, size_t at, const char *word)
{
	return span_case_starts(html_span(in, at, in.len), word);
}

/* html_markup.c: at "<!", "<?", or "</" with no name behind it */
void html_read_markup(struct html_reader *, struct html_token *);

#endif
