/*
 * syntax_private - the parts of mail/syntax.h that its files share
 */
#ifndef MAIL_SYNTAX_PRIVATE_H
#define MAIL_SYNTAX_PRIVATE_H

#include "mail/syntax.h"

enum { PARAM_MAIL = 1 << 0, PARAM_RCPT = 1 << 1 };

/* What stands between < and >.  empty: the null path is allowed. */
int path_parse(struct arena *, struct span text, int utf8, int empty, struct mail_path *);
/* The words behind the path; command: one of PARAM_. */
enum syntax_result params_parse(
    struct arena *, struct span text, int utf8, int command, struct mail_params *);

int utf8_valid(struct span);

static inline int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

#endif
