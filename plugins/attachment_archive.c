#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "plugins/attachment_archive.h"

#define nitems(a)   (sizeof(a) / sizeof((a)[0]))
#define DRAIN       65536
#define RETRIES_MAX 10

typedef int support_fn(struct archive *);

/* In another build of libarchive some of these would run a program. */
static support_fn *const filters[] = {
	archive_read_support_filter_gzip,
	archive_read_support_filter_bzip2,
	archive_read_support_filter_compress,
	archive_read_support_filter_xz,
	archive_read_support_filter_lzma,
	archive_read_support_filter_lzip,
	archive_read_support_filter_zstd,
	archive_read_support_filter_lz4,
};

static const struct {
	enum att_kind kind;
	support_fn *support[4];
	int solid; /* the next member is reached through the one before */
} formats[] = {
	{ ATT_KIND_7Z, { archive_read_support_format_7zip }, 1 },
	{ ATT_KIND_RAR, { archive_read_support_format_rar, archive_read_support_format_rar5 }, 1 },
	{ ATT_KIND_CAB, { archive_read_support_format_cab }, 1 },
	{ ATT_KIND_ISO, { archive_read_support_format_iso9660 }, 0 },
	{ ATT_KIND_LHA, { archive_read_support_format_lha }, 0 },
	{ ATT_KIND_TAR, { archive_read_support_format_tar }, 0 },
	{ ATT_KIND_CPIO, { archive_read_support_format_cpio }, 0 },
	{ ATT_KIND_AR, { archive_read_support_format_ar }, 0 },
	{ ATT_KIND_PACKED,
	    { archive_read_support_format_tar, archive_read_support_format_cpio,
		archive_read_support_format_empty },
	    1 },
	{ ATT_KIND_PACKED_FILE,
	    { archive_read_support_format_raw, archive_read_support_format_empty }, 1 },
};

int
att_archive_ready(char *why, size_t size)
{
	struct archive *a = archive_read_new();
	int rc = 0;

	if (a == NULL) {
		snprintf(why, size, "libarchive: out of memory");
		return -1;
	}
	for (size_t i = 0; i < nitems(filters) && rc == 0; i++)
		if (filters[i](a) != ARCHIVE_OK) {
			snprintf(why, size, "libarchive lacks a decompressor: %s",
			    archive_error_string(a));
			rc = -1;
		}
	archive_read_free(a);
	return rc;
}

/* NULL: it is no such archive.  options: libarchive's, or NULL. */
static struct archive *
begin(enum att_kind kind, struct filterd_octets o, const char *options, int *solid)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	for (size_t i = 0; i < nitems(formats); i++) {
		if (formats[i].kind != kind)
			continue;
		*solid = formats[i].solid;
		for (size_t k = 0; k < nitems(formats[i].support); k++)
			if (formats[i].support[k] != NULL)
				(void)formats[i].support[k](a);
	}
	if (kind == ATT_KIND_PACKED || kind == ATT_KIND_PACKED_FILE)
		for (size_t i = 0; i < nitems(filters); i++)
			(void)filters[i](a);
	/* What stands behind the end of a tar is another one to some. */
	if (kind == ATT_KIND_TAR || kind == ATT_KIND_PACKED)
		(void)archive_read_set_options(a, "tar:read_concatenated_archives");
	if (options != NULL)
		(void)archive_read_set_options(a, options);
	/* One that could not be opened has no format, and must not be asked for anything. */
	if (archive_read_open_memory(a, o.p, o.len) >= ARCHIVE_WARN)
		return a;
	archive_read_free(a);
	return NULL;
}

/* --- entries --- */

void
att_entry_failed(const struct att_entry *e)
{
	const char *text = archive_error_string(e->archive);

	if (archive_read_has_encrypted_entries(e->archive) == 1 ||
	    (text != NULL && strcasestr(text, "crypt") != NULL))
		att_tell(e->walk, ATT_ENCRYPTED, NULL);
	else
		att_tell(e->walk, ATT_BROKEN, e->kind_name);
}

ssize_t
att_entry_read(void *arg, void *room, size_t n)
{
	struct att_entry *e = arg;
	ssize_t got;
	int tries = 0;

	do
		got = archive_read_data(e->archive, room, n);
	while (got == ARCHIVE_RETRY && tries++ < RETRIES_MAX);
	if (got >= 0)
		return got;
	att_entry_failed(e);
	return -1;
}

/* To the end of the member, for it counts.  0: no more is to be read. */
static int
drain(struct att_entry *e, struct att_item *item)
{
	static const size_t size = DRAIN;
	uint8_t room[DRAIN];
	ssize_t n;

	while ((n = att_entry_read(e, room, size)) > 0)
		if (!att_unpacked(e->walk, item, (uint64_t)n))
			return 0;
	return 1;
}

static struct filterd_octets
text(const char *s)
{
	return (struct filterd_octets){ (const uint8_t *)(s == NULL ? "" : s),
		s == NULL ? 0 : strlen(s) };
}

/* Of what is one file compressed libarchive does not know the name: it is in the header of a gzip,
 * and the archive's without its extension. */
static size_t
raw_names(const struct att_item *archive, struct filterd_octets *names, size_t max)
{
	struct filterd_octets o = archive->octets;
	size_t n = 0, at = 10, end;

	for (size_t i = 0; i < archive->nnames && n < max - 1; i++) {
		names[n] = archive->names[i];
		for (end = names[n].len; end > 0 && names[n].p[end - 1] != '.'; end--)
			;
		if (end > 1)
			names[n].len = end - 1;
		n++;
	}
	if (o.len < 18 || o.p[0] != 0x1f || o.p[1] != 0x8b || (o.p[3] & 8) == 0)
		return n;
	if (o.p[3] & 4)
		at += 2 + (size_t)o.p[10] + (size_t)o.p[11] * 256;
	for (end = at; end < o.len && o.p[end] != '\0'; end++)
		;
	if (at < o.len)
		names[n++] = (struct filterd_octets){ o.p + at, end - at };
	return n;
}

#define RAW_NAMES 17

static void
look_at_entry(struct att_entry *e, struct att_item *archive, struct archive_entry *entry)
{
	const char *utf8 = archive_entry_pathname_utf8(entry);
	struct filterd_octets names[RAW_NAMES] = { text(
	    utf8 != NULL ? utf8 : archive_entry_pathname(entry)) };
	struct att_source source = { att_entry_read, e };
	struct att_item member = { .names = names, .nnames = names[0].len > 0, .size = -1 };

	if (archive_format(e->archive) == ARCHIVE_FORMAT_RAW)
		member.nnames = raw_names(archive, names, RAW_NAMES);
	if (archive_entry_size_is_set(entry))
		member.size = archive_entry_size(entry);
	member.locked = archive_entry_is_encrypted(entry) != 0;
	att_member(e->walk, archive, &member, member.locked ? NULL : &source);
}

/* 1: there is one; 0: the end; -1: it has been told why not. */
static int
next(struct att_entry *e, struct archive_entry **entry)
{
	int rc, tries = 0;

	do
		rc = archive_read_next_header(e->archive, entry);
	while (rc == ARCHIVE_RETRY && tries++ < RETRIES_MAX);
	if (rc == ARCHIVE_EOF)
		return 0;
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
		return 1;
	att_entry_failed(e);
	return -1;
}

static void
walk(struct att_entry *e, struct att_item *archive, int solid)
{
	struct archive_entry *entry;

	/* libarchive goes through all of them at once. */
	if ((size_t)archive_filter_count(e->archive) > e->walk->limits.depth + 1) {
		att_tell(e->walk, ATT_LIMIT_DEPTH, NULL);
		return;
	}
	while (att_may_go_on(e->walk, archive) && next(e, &entry) == 1) {
		if (archive_entry_filetype(entry) == AE_IFDIR) {
			if (!att_count(e->walk))
				return;
			continue;
		}
		look_at_entry(e, archive, entry);
		if (solid && !archive_entry_is_encrypted(entry) && !drain(e, archive))
			return;
	}
}

/* Returns libarchive's number of the format. */
static int
open_octets(struct att_walk *w, struct att_item *item, enum att_kind kind, const char *name,
    struct filterd_octets o, const char *options)
{
	struct att_entry e = { .walk = w, .kind_name = name };
	int solid = 0, format;

	e.archive = begin(kind, o, options, &solid);
	if (e.archive == NULL) {
		att_tell(w, ATT_BROKEN, name);
		return 0;
	}
	walk(&e, item, solid);
	format = archive_format(e.archive);
	archive_read_free(e.archive);
	return format;
}

/* A disc has up to four trees, which need not show the same files: Windows prefers UDF's, Joliet's,
 * that of ISO 9660; others Rock Ridge's. */
static void
open_iso(struct att_walk *w, struct att_item *item, const char *name)
{
	unsigned sides = att_iso_sides(item->octets);
	struct att_known known = { .n = 0 }, *before = w->known;
	int format;

	if (sides & ATT_ISO_UDF)
		att_tell(w, ATT_AMBIGUOUS, "udf");
	/* What is the same in two trees is said once. */
	if (before == NULL)
		w->known = &known;
	format = open_octets(w, item, ATT_KIND_ISO, name, item->octets, "iso9660:!joliet");
	if ((sides & ATT_ISO_JOLIET) || format == ARCHIVE_FORMAT_ISO9660_ROCKRIDGE)
		(void)open_octets(w, item, ATT_KIND_ISO, name, item->octets, "iso9660:!rockridge");
	w->known = before;
}

/* What is compressed: a tar, or another file?  libarchive would take anything that begins with
 * zeros for an empty tar. */
static enum att_kind
packed_kind(struct filterd_octets o)
{
	uint8_t head[ATT_KIND_OCTETS];
	struct archive_entry *entry;
	struct archive *a;
	const char *name;
	ssize_t n = 0, got = 0;
	int solid;

	a = begin(ATT_KIND_PACKED_FILE, o, NULL, &solid);
	if (a == NULL)
		return ATT_KIND_PACKED_FILE;
	if (archive_read_next_header(a, &entry) == ARCHIVE_OK)
		while (n < (ssize_t)sizeof(head) &&
		       (got = archive_read_data(a, head + n, sizeof(head) - (size_t)n)) > 0)
			n += got;
	archive_read_free(a);
	switch (att_kind((struct filterd_octets){ head, (size_t)n }, &name)) {
	case ATT_KIND_TAR:
	case ATT_KIND_CPIO:
		return ATT_KIND_PACKED;
	default:
		return ATT_KIND_PACKED_FILE;
	}
}

void
att_archive_open(
    struct att_walk *w, struct att_item *item, enum att_kind kind, const char *kind_name)
{
	if (kind == ATT_KIND_PACKED)
		kind = packed_kind(item->octets);
	if (kind == ATT_KIND_ISO)
		open_iso(w, item, kind_name);
	else
		(void)open_octets(w, item, kind, kind_name, item->octets, NULL);
}

/* The same octets stand in programs that read such archives. */
static int
is_readable(enum att_kind kind, struct filterd_octets o)
{
	struct archive_entry *entry;
	int solid = 0, rc;
	struct archive *a = begin(kind, o, NULL, &solid);

	if (a == NULL)
		return 0;
	rc = archive_read_next_header(a, &entry);
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
		rc = archive_read_has_encrypted_entries(a) == 1 ? ARCHIVE_OK : rc;
	archive_read_free(a);
	return rc == ARCHIVE_OK || rc == ARCHIVE_WARN;
}

int
att_archive_open_at(struct att_walk *w, struct att_item *item, enum att_kind kind, size_t at)
{
	struct filterd_octets o = { item->octets.p + at, item->octets.len - at };

	if (!is_readable(kind, o))
		return 0;
	att_tell(w, ATT_AMBIGUOUS, "prepended");
	(void)open_octets(w, item, kind, kind == ATT_KIND_RAR ? "rar" : "7z", o, NULL);
	return 1;
}
