/*
 * content_world - content_restrictions, a message, and recipients to ask them for
 *
 *	struct content_world c;
 *
 *	content_world_init(&c);
 *	content_world_table(&c, "body", "/spam/ REJECT");
 *	c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_body pcre:%s/body");
 *	assert_int_equal(content_world_begin(&c, "Subject: a\n\nspam\n"), 0);
 *	assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "554 5.7.1 ...");
 *	content_world_fini(&c);
 *
 * All else is rule_world's, whose options may be set before content_world_begin().
 */
#ifndef TESTS_LIB_CONTENT_WORLD_H
#define TESTS_LIB_CONTENT_WORLD_H

#include "tests/lib/rule_world.h"

struct message;

struct content_world {
	struct rule_world w;
	char *folder;
	struct message *message;
	struct buf text, sent;
};

void content_world_init(struct content_world *);
void content_world_fini(struct content_world *);
/* A file of the folder. */
void content_world_table(struct content_world *, const char *name, const char *text);
/* The text with the folder in place of each %s; valid until the next. */
const char *content_world_text(struct content_world *, const char *text);
/* Compile, accept a recipient, and have the message: CRLF is put for LF, NUL for DEL.  -1: there
 * was an error in the configuration. */
int content_world_begin(struct content_world *, const char *message);
/* The same configuration, another message. */
void content_world_again(struct content_world *, struct span message);
/* The message with the recipient's edits: LF for CRLF, '0' for NUL.  Prepends are in front. */
const char *content_world_sent(struct content_world *);
/* All facts. */
const char *content_world_facts(struct content_world *);

#endif
