/*
 * attachment_int - what the files of the attachment plugin share
 *
 * attachment.c has the rows and loads libmagic; attachment_check.c decides in a door's thread.  The
 * rest runs in a scanner process: attachment_scan.c goes through the parts of the message,
 * attachment_look.c through what is in them, with attachment_archive.c (libarchive),
 * attachment_zip.c, attachment_name.c and attachment_type.c.
 */
#ifndef PLUGINS_ATTACHMENT_INT_H
#define PLUGINS_ATTACHMENT_INT_H

#include <locale.h>

#include <magic.h>

#include "plugins/attachment_look.h"
#include "plugins/filterd_plugin.h"

/* Numbers of the values. */
enum att_param {
#define P(id, name, type, def, min, max, text) ATT_P_##id,
#include "plugins/attachment_params.def"
#undef P
	ATT_PARAMS
};

/* What open() makes. */
struct att_state {
	int fail_limit, fail_broken, fail_encrypted;
};

/* What scan_open() makes. */
struct att_engine {
	const struct filterd_host *host;
	magic_t magic;
	locale_t locale; /* in which names have UTF-8 */
	struct att_limits limits;
};

/* The host is the same in every call and lives as long as the process; checks are not given it. */
extern const struct filterd_host *att_host;

/* What a scan says begins with one of these: a key, or the value of a fact about archives that
 * may count as failure. */
#define ATT_SAYS_KEY  '='
#define ATT_SAYS_MORE '+' /* another key of the same */
#define ATT_SAYS_FACT '!'

/* --- attachment_check.c --- */
restriction_check_fn att_check;
restriction_compile_fn att_compile;

/* --- attachment_scan.c --- */
int att_scan_run(
    void *engine, const struct filterd_message *, struct filterd_work *, struct filterd_say *);

#endif
