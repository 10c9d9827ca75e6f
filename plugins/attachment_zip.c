#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "plugins/attachment_archive.h"
#include "plugins/attachment_zip.h"

/* The member whose local header this is, unpacked.  libarchive reads it as it would from a stream.
 */
static struct archive *
open_member(const struct att_item *item, const struct att_zip_member *m)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int rc;

	if (a == NULL)
		return NULL;
	(void)archive_read_support_format_zip_streamable(a);
	rc = archive_read_open_memory(a, item->octets.p + m->at, item->octets.len - m->at);
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
		rc = archive_read_next_header(a, &entry);
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
		return a;
	archive_read_free(a);
	return NULL;
}

static int
is_folder(const struct att_zip_side *side)
{
	return side->name.len > 0 && side->name.p[side->name.len - 1] == '/' && side->packed == 0 &&
	       side->size == 0;
}

#define NAMES_MAX 4

/* Each once. */
static void
add_name(struct att_item *member, struct filterd_octets *names, struct filterd_octets name)
{
	for (size_t i = 0; i < member->nnames; i++)
		if (names[i].len == name.len &&
		    (name.len == 0 || memcmp(names[i].p, name.p, name.len) == 0))
			return;
	names[member->nnames++] = name;
}

static void
add_names(struct att_item *member, struct filterd_octets *names, const struct att_zip_side *side)
{
	if (!side->is_there)
		return;
	add_name(member, names, side->name);
	if (side->unicode.len > 0)
		add_name(member, names, side->unicode);
}

static void
look_at_member(struct att_walk *w, struct att_item *item, const struct att_zip_member *m)
{
	const struct att_zip_side *side = m->central.is_there ? &m->central : &m->local;
	struct filterd_octets names[NAMES_MAX];
	struct att_item member = { .names = names, .size = (int64_t)side->size };
	struct att_entry e = { .walk = w, .kind_name = "zip" };
	struct att_source source = { att_entry_read, &e };

	add_names(&member, names, &m->central);
	add_names(&member, names, &m->local);
	/* Of one that is written as it streams the size may not be known. */
	if (!m->central.is_there && (m->local.flags & ATT_ZIP_STREAMED))
		member.size = -1;
	member.locked = ((m->local.flags | m->central.flags) & ATT_ZIP_ENCRYPTED) != 0;
	if (!member.locked && m->at != SIZE_MAX) {
		e.archive = open_member(item, m);
		if (e.archive == NULL)
			att_tell(w, ATT_BROKEN, "zip");
	}
	att_member(w, item, &member, e.archive == NULL ? NULL : &source);
	if (e.archive != NULL)
		archive_read_free(e.archive);
}

/* What all of them would be, if somebody unpacked them. */
static int
is_bomb(const struct att_walk *w, const struct att_item *item, const struct att_zip *z)
{
	uint64_t sum = 0, size;

	for (size_t i = 0; i < z->n; i++) {
		size = z->member[i].central.size;
		if (z->member[i].local.size > size)
			size = z->member[i].local.size;
		if (size > UINT64_MAX - sum)
			return 1;
		sum += size;
	}
	return sum > 1048576 && sum / w->limits.ratio > item->octets.len;
}

void
att_zip_open(struct att_walk *w, struct att_item *item)
{
	struct att_zip z;

	if (att_zip_read(&z, item->octets, w->limits.members + 1) == -1)
		att_tell(w, ATT_LIMIT_MEMORY, NULL);
	if (z.ambiguous != NULL)
		att_tell(w, ATT_AMBIGUOUS, z.ambiguous);
	if (z.broken)
		att_tell(w, ATT_BROKEN, "zip");
	if (z.is_locked)
		att_tell(w, ATT_ENCRYPTED, NULL);
	if (is_bomb(w, item, &z))
		att_tell(w, ATT_LIMIT_RATIO, NULL);
	for (size_t i = 0; i < z.n && att_may_go_on(w, item); i++) {
		if (is_folder(&z.member[i].local) && is_folder(&z.member[i].central)) {
			if (!att_count(w))
				break;
		} else {
			look_at_member(w, item, &z.member[i]);
		}
	}
	if (z.is_cut)
		att_tell(w, ATT_LIMIT_MEMBERS, NULL);
	att_zip_fini(&z);
}
