/*
 * One scan, in a scanner process.  libclamav fails open: whatever it could not do (no temporary
 * folder, a full one, no memory) it mostly answers with "clean".  So clean is believed only when
 * its callbacks came for the message and for what it found inside, it complained of nothing, and
 * there was room in the temporary folder all the time.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

#include "plugins/clamav_engine.h"
#include "plugins/clamav_names.h"
#include "plugins/clamav_parts.h"
#include "plugins/clamav_zip.h"

#define NAMES_MAX 32
/* With less than this free the temporary folder counts as full: a file whose last octets cannot be
 * written is scanned without them, and nothing is said. */
#define ROOM 65536

/* Of objects within each other; what lies deeper is beyond clamav_max_recursion. */
#define LEVELS_MAX 128

struct object {
	int is_archive;
	int is_beyond;  /* libclamav passes over some of it */
	unsigned inner; /* objects in it that came to be looked at */
};

struct clam_scan {
	struct clam_engine *e;
	struct clam_parts parts;
	struct clam_heard heard;
	char names[NAMES_MAX][CLAM_NAME_MAX + 1];
	size_t n;
	unsigned outer, before, after; /* callbacks of this pass: for the message, and of objects */
	struct object object[LEVELS_MAX]; /* by its level, the last one there */
	uint32_t open[LEVELS_MAX],
	    level;           /* levels of those that are being scanned; of the last one */
	int is_full;         /* the folder was */
	const char *trouble; /* or NULL */
	int64_t until_ms;
};

/* The one that listens; see clamav_engine.h. */
static struct clam_heard *hearing;

void
clam_hear(struct clam_heard *h)
{
	hearing = h;
}

static void
on_message(enum cl_msg severity, const char *full, const char *msg, void *context)
{
	struct clam_heard *h = hearing;

	(void)full;
	(void)context;
	if (h == NULL || severity < CL_MSG_ERROR)
		return;
	if (h->errors++ > 0)
		return;
	snprintf(h->first, sizeof(h->first), "%s", msg);
	h->first[strcspn(h->first, "\r\n")] = '\0';
}

static void
add_name(struct clam_scan *s, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return;
	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->names[i], name, CLAM_NAME_MAX) == 0)
			return;
	if (s->n < NAMES_MAX)
		snprintf(s->names[s->n++], sizeof(s->names[0]), "%s", name);
}

static void
look_for_room(struct clam_scan *s)
{
	struct statfs fs;

	if (s->e->folder == -1 || s->is_full || fstatfs(s->e->folder, &fs) == -1 ||
	    fs.f_blocks == 0)
		return;
	s->is_full = fs.f_bavail < ROOM / (uint64_t)fs.f_bsize;
}

/* --- archives --- */

static int
is_archive(const char *type)
{
	static const char *const types[] = { "CL_TYPE_ZIP", "CL_TYPE_RAR", "CL_TYPE_7Z",
		"CL_TYPE_ARJ", "CL_TYPE_EGG", "CL_TYPE_ALZ" };

	for (size_t i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return 1;
	return 0;
}

/* Documents that hold others piece by piece in any order; libclamav puts them together. */
static int
is_in_pieces(const char *type)
{
	return type != NULL && strcmp(type, "CL_TYPE_MSOLE2") == 0;
}

static void
note_object(struct clam_scan *s, const char *type, int is_beyond, uint32_t level)
{
	s->level = level;
	if (level >= LEVELS_MAX)
		return;
	s->object[level] =
	    (struct object){ .is_archive = is_archive(type), .is_beyond = is_beyond };
	if (level > 0)
		s->object[level - 1].inner++;
}

static void
note_begin(struct clam_scan *s)
{
	if (s->before - s->after < LEVELS_MAX)
		s->open[s->before - s->after] = s->level;
	s->before++;
}

/* The cache knows only that no signature matched.  An archive out of which nothing came would be
 * clean the next time, unseen; so no archive is remembered, nor what it is in. */
static void
cache_no_archive(const struct clam_scan *s, const char *type, int is_beyond)
{
	if (is_archive(type) || is_beyond)
		cl_engine_set_num(s->e->cl, CL_ENGINE_DISABLE_CACHE, 1);
}

/* An archive out of which nothing came: libclamav has no means to open it (it does so to RAR
 * without libclamunrar), or it is empty or broken.  Nothing says so but that. */
static void
note_end(struct clam_scan *s, int result)
{
	uint32_t level;

	s->after++;
	if (s->after > s->before || s->before - s->after >= LEVELS_MAX)
		return;
	level = s->open[s->before - s->after];
	if (result == CL_CLEAN && level < LEVELS_MAX && s->object[level].is_archive &&
	    !s->object[level].is_beyond && s->object[level].inner == 0)
		add_name(s, "Heuristics.Encrypted.Unopened");
}

/* --- callbacks; context is NULL while the canary is looked for --- */

static cl_error_t
on_object(int fd, const char *type, const char **ancestors, size_t parent_size, const char *name,
    size_t size, const char *octets, uint32_t level, uint32_t attributes, void *context)
{
	struct clam_scan *s = context;
	int is_beyond;

	(void)fd, (void)ancestors, (void)parent_size, (void)name, (void)attributes;
	if (s == NULL)
		return CL_CLEAN;
	is_beyond = octets != NULL && !is_in_pieces(type) &&
		    clam_zip_is_beyond((const uint8_t *)octets, size);
	if (is_beyond)
		add_name(s, "Heuristics.Limits.Exceeded.UnsupportedArchive");
	if (level == 0)
		s->outer++;
	note_object(s, type, is_beyond, level);
	cache_no_archive(s, type, is_beyond);
	if (octets != NULL)
		clam_parts_saw(&s->parts, (const uint8_t *)octets, size);
	return CL_CLEAN;
}

static cl_error_t
before_object(int fd, const char *type, void *context)
{
	struct clam_scan *s = context;

	(void)fd, (void)type;
	if (s != NULL) {
		note_begin(s);
		look_for_room(s);
	}
	return CL_CLEAN;
}

static cl_error_t
after_object(int fd, int result, const char *name, void *context)
{
	struct clam_scan *s = context;

	(void)fd;
	if (s == NULL)
		return CL_CLEAN;
	note_end(s, result);
	look_for_room(s);
	/* Of several at most one is told at the end.  A virus that is not has been excused by
	 * another signature; that not all was seen stays true. */
	if (name != NULL && clam_name_kind(name) != CLAM_VIRUS)
		add_name(s, name);
	return CL_CLEAN;
}

static void
on_found(int fd, const char *name, void *context)
{
	struct clam_scan *s = context;

	(void)fd;
	if (s != NULL)
		add_name(s, name);
}

void
clam_scan_callbacks(struct cl_engine *cl)
{
	cl_set_clcb_msg(on_message);
	cl_engine_set_clcb_file_inspection(cl, on_object);
	cl_engine_set_clcb_pre_scan(cl, before_object);
	cl_engine_set_clcb_post_scan(cl, after_object);
	cl_engine_set_clcb_virus_found(cl, on_found);
}

/* --- a pass --- */

static cl_error_t
pass(struct clam_scan *s, struct filterd_octets o)
{
	cl_fmap_t *map = cl_fmap_open_memory(o.p, o.len);
	long long uncached = cl_engine_get_num(s->e->cl, CL_ENGINE_DISABLE_CACHE, NULL);
	const char *name = NULL;
	unsigned long scanned = 0;
	cl_error_t rc;

	if (map == NULL)
		return CL_EMEM;
	s->outer = s->before = s->after = 0;
	clam_hear(&s->heard);
	rc = cl_scanmap_callback(map, NULL, &name, &scanned, s->e->cl, &s->e->options, s);
	clam_hear(NULL);
	cl_engine_set_num(s->e->cl, CL_ENGINE_DISABLE_CACHE, uncached);
	cl_fmap_close(map);
	if (rc == CL_VIRUS)
		add_name(s, name);
	return rc;
}

static int
is_proven(const struct clam_scan *s)
{
	return s->outer > 0 && s->before > 0 && s->before == s->after;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
set_time(struct clam_scan *s)
{
	int64_t ms = s->until_ms - now_ms();

	/* 0 would be no limit. */
	cl_engine_set_num(s->e->cl, CL_ENGINE_MAX_SCANTIME, ms > 0 ? ms : 1);
}

/* Scan these octets; s->trouble says what went wrong. */
static void
scan_octets(struct clam_scan *s, struct filterd_octets o)
{
	cl_error_t rc;

	set_time(s);
	rc = pass(s, o);
	/* What was clean before has no callbacks either. */
	if (rc == CL_CLEAN && s->heard.errors == 0 && !is_proven(s) &&
	    cl_engine_get_num(s->e->cl, CL_ENGINE_DISABLE_CACHE, NULL) == 0) {
		cl_engine_set_num(s->e->cl, CL_ENGINE_DISABLE_CACHE, 1);
		rc = pass(s, o);
		cl_engine_set_num(s->e->cl, CL_ENGINE_DISABLE_CACHE, 0);
	}
	look_for_room(s);
	if (rc == CL_ETIMEOUT)
		add_name(s, "Heuristics.Limits.Exceeded.MaxScanTime");
	else if (rc != CL_CLEAN && rc != CL_VIRUS)
		s->trouble = cl_strerror(rc);
	else if (s->heard.errors > 0)
		s->trouble = s->heard.first;
	else if (s->is_full)
		s->trouble = "the temporary folder is full";
	else if (rc == CL_CLEAN && !is_proven(s))
		s->trouble = "libclamav did not look into it";
}

static int
count_kind(const struct clam_scan *s, enum clam_kind kind)
{
	int n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += clam_name_kind(s->names[i]) == kind;
	return n;
}

static void
scan_unseen(struct clam_scan *s, const struct filterd_host *host, struct filterd_say *say)
{
	for (size_t i = 0; i < s->parts.n && s->trouble == NULL; i++) {
		struct clam_part *p = &s->parts.part[i];

		if (p->seen)
			continue;
		if (count_kind(s, CLAM_VIRUS) + count_kind(s, CLAM_TIME) > 0)
			return;
		host->say_count(say, "clamav_extra_parts", 1);
		p->seen = 1;
		scan_octets(s, p->octets);
		if (p->is_cut)
			add_name(s, "Heuristics.Limits.Exceeded.PartSize");
	}
}

/* --- telling --- */

static void
say_name(const struct filterd_host *host, struct filterd_say *say, const char *name)
{
	static const char *const values[] = {
		[CLAM_LIMIT] = "limit", [CLAM_TIME] = "timeout", [CLAM_ENCRYPTED] = "encrypted"
	};
	enum clam_kind kind = clam_name_kind(name);

	host->say_key(say, name);
	if (kind == CLAM_VIRUS)
		host->say_fact(say, "virus", name, NULL);
	else
		host->say_fact(
		    say, "clamav", values[kind], kind == CLAM_TIME ? NULL : clam_name_detail(name));
}

static int
say_failed(struct clam_scan *s, const struct filterd_host *host, struct filterd_say *say)
{
	/* What was cached as clean by a scan that could not see it must not be believed later. */
	cl_engine_set_num(s->e->cl, CL_ENGINE_DISABLE_CACHE, 1);
	host->say_fact(say, "clamav", "error", NULL);
	host->say_count(say, "clamav_failed", 1);
	host->say_failed(say, "%s", s->trouble);
	return -1;
}

static int
tell(struct clam_scan *s, const struct filterd_host *host, struct filterd_say *say)
{
	int viruses = count_kind(s, CLAM_VIRUS);

	if (s->trouble != NULL && viruses == 0)
		return say_failed(s, host, say);
	for (size_t i = 0; i < s->n; i++)
		say_name(host, say, s->names[i]);
	if (s->n == 0)
		host->say_fact(say, "clamav", "clean", NULL);
	if (viruses > 0)
		host->say_count(say, "clamav_found", 1);
	if (count_kind(s, CLAM_LIMIT) > 0)
		host->say_count(say, "clamav_limits", 1);
	host->say_count(say, count_kind(s, CLAM_TIME) > 0 ? "clamav_failed" : "clamav_scanned", 1);
	return 0;
}

int
clam_scan_run(void *engine, const struct filterd_message *m, struct filterd_work *work,
    struct filterd_say *say)
{
	struct clam_engine *e = engine;
	struct clam_scan s = { .e = e };
	int rc;

	/* Something of the time is left for the answer. */
	s.until_ms = m->time_left_ms - m->time_left_ms / 10;
	if (s.until_ms > e->max_scan_ms)
		s.until_ms = e->max_scan_ms;
	s.until_ms += now_ms();
	look_for_room(&s);
	if (clam_parts_read(&s.parts, e->host, work) == -1)
		s.trouble = "out of memory";
	else
		scan_octets(&s, m->octets);
	if (s.parts.is_cut)
		add_name(&s, "Heuristics.Limits.Exceeded.Parts");
	scan_unseen(&s, e->host, say);
	rc = tell(&s, e->host, say);
	clam_parts_fini(&s.parts);
	return rc;
}
