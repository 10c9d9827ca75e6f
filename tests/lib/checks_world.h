/*
 * checks_world - a configuration of header and body checks, and a transaction to run through it
 */
#ifndef TESTS_LIB_CHECKS_WORLD_H
#define TESTS_LIB_CHECKS_WORLD_H

#include "base/buf.h"
#include "base/clock.h"
#include "core/client.h"
#include "core/transaction.h"
#include "mail/mime.h"
#include "rules/content_checks.h"

struct arena;
struct message;
struct table_registry;
struct table_set;

struct world { /* a configuration with its tables, and one transaction */
	char dir[64];
	struct content_check_options opt;
	struct table_registry *tables;
	struct content_checks *checks;
	struct buf findings;
	struct table_set *set;
	struct message *message;
	struct arena *arena;
	struct client client;
	struct transaction txn;
	struct mime_index index;
	struct deadline deadline; /* never, unless the test sets it before world_run() */
	struct buf out;
	char lists[4][128];
};

/* rules: the texts of pcre tables header, mime, nested, body; NULL none; "fail:x" that table. */
void world_init(struct world *, const char *const rules[4]);
/* 0, or -1 when there was an error; findings are in w->findings. */
int world_compile(struct world *);
/* The message has CRLF. */
void world_run(struct world *, struct span message);
/* The message as it would be sent, with LF, NUL as '0'. */
const char *world_sent(struct world *);
/* Forget the message, for another world_run(). */
void world_forget(struct world *);
void world_fini(struct world *);
/* What the log said during the last run; warnings with "WARNING " in front. */
const char *world_said(void);
/* CRLF for LF, NUL for DEL. */
struct span crlf(struct buf *, const char *text);
/* cmocka's group fixtures. */
int world_listen(void **state);
int world_unlisten(void **state);

#endif
