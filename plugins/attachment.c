/* attachment - what is attached to a message, archives included: the rows of the plugin */
#include <stdio.h>
#include <stdlib.h>

#include <archive.h>

#include "plugins/attachment_archive.h"
#include "plugins/attachment_int.h"

const struct filterd_host *att_host;

static const struct filterd_param params[] = {
#define P(id, name, type, def, min, max, text) { name, type, def, min, max, text },
#include "plugins/attachment_params.def"
#undef P
	{ .name = NULL },
};

static const struct restriction_def restrictions[] = {
	{ .name = "check_attachment",
	    .args = ARG_TABLE,
	    .stages = AT_END | AT_END_OF_DATA,
	    .needs = NEED_CONTENT | NEED_TABLES | CAN_PERMIT,
	    .check = att_check,
	    .compile = att_compile,
	    .scan = "list",
	    .text = "Look each attachment, and each member of attached archives, up in a table by "
		    "\"name; declared type; detected type; size; path\"." },
	{ .name = NULL },
};

static const struct filterd_scan scans[] = {
	{ .name = "list",
	    .run = att_scan_run,
	    .text = "the attachments, and what is in archives among them" },
	{ .name = NULL },
};

static const struct filterd_fact facts[] = {
	{ "archive", "limit",
	    "it is beyond a limit, and not all of it was seen; the detail is "
	    "which" },
	{ "archive", "encrypted", "an archive has members or a header that nobody can look into" },
	{ "archive", "broken", "an archive cannot be read to its end; the detail is its kind" },
	{ "archive", "ambiguous",
	    "programs may differ on what is in an archive; the detail is why" },
	{ "attachment", "type_mismatch",
	    "what an attachment is, what it is declared to be and what its name says differ in a "
	    "dangerous way" },
	{ "attachment", "error", "the attachments could not be looked at" },
	{ .subject = NULL },
};

static const struct filterd_counter counters[] = {
	{ "attachment_messages", "messages whose attachments were looked at" },
	{ "attachment_members", "attachments and members of archives looked at" },
	{ "attachment_limits", "messages beyond a limit" },
	{ "attachment_failed", "messages whose attachments could not be looked at" },
	{ .name = NULL },
};

/* --- in a process that decides --- */

static int
att_open(const struct filterd_host *host, const struct filterd_value *v, void **state, char *why,
    size_t size)
{
	struct att_state *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	if (att_host == NULL)
		att_host = host;
	/* Of each the default is the first word. */
	s->fail_limit = v[ATT_P_LIMIT_ACTION].number == 0;
	s->fail_broken = v[ATT_P_BROKEN_ACTION].number != 0;
	s->fail_encrypted = v[ATT_P_ENCRYPTED_ACTION].number != 0;
	*state = s;
	return 0;
}

static void
att_close(void *state)
{
	free(state);
}

/* --- in the process that scanners are forked from --- */

static void
att_scan_close(void *engine)
{
	struct att_engine *e = engine;

	if (e == NULL)
		return;
	if (e->magic != NULL)
		magic_close(e->magic);
	if (e->locale != (locale_t)0)
		freelocale(e->locale);
	free(e);
}

static int
load(struct att_engine *e, const char *database, char *why, size_t size)
{
	/* Archives are opened here, and nothing is to be run. */
	e->magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS);
	if (e->magic == NULL) {
		snprintf(why, size, "libmagic: out of memory");
		return -1;
	}
	if (magic_load(e->magic, database[0] == '\0' ? NULL : database) == -1) {
		snprintf(why, size, "libmagic: %s", magic_error(e->magic));
		return -1;
	}
	/* libarchive gives names in the locale's charset; what has none there would become '?'. */
	e->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (e->locale == (locale_t)0) {
		snprintf(why, size, "the locale C.UTF-8 is missing");
		return -1;
	}
	return 0;
}

static int
att_scan_open(const struct filterd_host *host, const struct filterd_value *v, void **engine,
    char *why, size_t size)
{
	struct att_engine *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	e->host = host;
	e->limits = (struct att_limits){
		.depth = (size_t)v[ATT_P_DEPTH_LIMIT].number,
		.members = (size_t)v[ATT_P_MEMBER_LIMIT].number,
		.size = (uint64_t)v[ATT_P_SIZE_LIMIT].number,
		.memory = (uint64_t)v[ATT_P_MEMORY_LIMIT].number,
		.ratio = (uint64_t)v[ATT_P_RATIO_LIMIT].number,
		.time_ms = v[ATT_P_TIME_LIMIT].number,
	};
	if (att_archive_ready(why, size) == -1 ||
	    load(e, v[ATT_P_MAGIC_DATABASE].text, why, size) == -1) {
		att_scan_close(e);
		return -1;
	}
	*engine = e;
	return 0;
}

static void
att_scan_describe(void *engine, char *out, size_t size)
{
	(void)engine;
	snprintf(
	    out, size, "libarchive=%s libmagic=%d", archive_version_string() + 11, magic_version());
}

__attribute__((visibility("default"))) const struct filterd_plugin filterd_plugin = {
	.abi = FILTERD_PLUGIN_ABI,
	.size = sizeof(struct filterd_plugin),
	.name = "attachment",
	.version = "1.0",
	.manual = "filterd_attachment(5)",
	.text = "attachments and what is in attached archives, by name and type",
	.params = params,
	.restrictions = restrictions,
	.scans = scans,
	.facts = facts,
	.counters = counters,
	.open = att_open,
	.close = att_close,
	.scan_open = att_scan_open,
	.scan_close = att_scan_close,
	.scan_describe = att_scan_describe,
};
