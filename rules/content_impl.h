/*
 * content_impl - what the files of the content checks share; nobody else includes it
 */
#ifndef RULES_CONTENT_IMPL_H
#define RULES_CONTENT_IMPL_H

#include "base/buf.h"
#include "base/span.h"
#include "core/verdict.h"
#include "rules/check_action.h"
#include "rules/content_checks.h"

struct table;
struct table_hit;
struct transaction;

enum check_list_kind { LIST_HEADER, LIST_MIME, LIST_NESTED, LIST_BODY, LIST_COUNT };

struct check_list {
	const char *parameter; /* "header_checks" */
	int *tables;           /* numbers in the registry */
	size_t ntables;
};

struct content_checks {
	struct check_list lists[LIST_COUNT];
	int any; /* a list has a table */
	char **drop;
	size_t ndrop;
	size_t body_checks_size_limit;
	int soft_bounce, postfix_strict;
	int header_nul, header_over, non_header_line;
	struct mime_options mime;
};

struct content_run { /* one message */
	const struct content_checks *cc;
	struct transaction *txn;
	struct mime_index *index;
	struct mime_events events;
	const uint8_t *base;
	size_t len; /* of the message */
	struct deadline deadline;
	size_t asked;         /* look-ups */
	size_t around, clean; /* body_checks has nothing for what is before clean; it is asked about
				 more at once from around on */
	int vain;             /* questions that did not help, beyond those that did */
	int off;              /* a PASS, a refusal or the like: nothing is asked any more */
	struct buf out;
};

struct check_result { /* what becomes of it in the message */
	int drop;
	const char *prepend, *replace; /* NULL: none */
};

/* The log line of an action: `reject: header Subject: x from name[addr]; from=<> to=<> ...: TEXT`.
 * text is NULL or "" when the rule gave none. */
void content_log(const struct transaction *, const char *action, const char *what,
    struct span content, const struct origin *, const char *text);

/* content_trace.c: to the transaction's trace, if there is one. */
int content_trace_begin(const struct content_checks *, struct transaction *);
void content_trace_hit(struct transaction *, const char *list, const struct table *,
    struct span text, const struct table_hit *);
void content_trace_effect(
    struct transaction *, const char *verb, const char *arg, const struct origin *);
/* Of the hit: a refusal by this rule, or nothing. */
void content_trace_result(struct transaction *, const struct origin *);
/* before: what begin returned, that somebody else had refused already. */
void content_trace_end(const struct content_checks *, struct transaction *, int before);

/* content_edit.c.  A field's text with its line ends, cut at header_size_limit; what is no
 * continuation line in it becomes one. */
void content_put_field(struct buf *out, struct span text, size_t header_size_limit);
/* Lines of a body; the last one's end only if `ended`. */
void content_put_line(struct buf *out, const char *text, int ended);
/* What becomes of a header field whose text is `text`, and of a piece of a body
 * line. */
void content_edit_field(struct content_run *, const struct mime_header *, struct span text,
    const struct check_result *);
void content_edit_line(struct content_run *, const struct mime_line *, const struct check_result *);

#endif
