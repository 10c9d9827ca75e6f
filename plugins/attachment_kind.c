#include <string.h>
#include <strings.h>

#include "plugins/attachment_kind.h"
#include "plugins/attachment_type.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

struct magic_octets {
	size_t at, len;
	const char *octets;
	enum att_kind kind;
	const char *name;
};

static const struct magic_octets magics[] = {
	{ 0, 4, "PK\3\4", ATT_KIND_ZIP, "zip" }, { 0, 4, "PK\5\6", ATT_KIND_ZIP, "zip" },
	{ 0, 4, "PK00", ATT_KIND_ZIP, "zip" }, { 0, 4, "PK\7\10", ATT_KIND_ZIP, "zip" },
	{ 0, 6, "7z\274\257'\34", ATT_KIND_7Z, "7z" }, { 0, 6, "Rar!\32\7", ATT_KIND_RAR, "rar" },
	{ 0, 8, "MSCF\0\0\0\0", ATT_KIND_CAB, "cab" }, { 32769, 5, "CD001", ATT_KIND_ISO, "iso" },
	{ 34817, 5, "CD001", ATT_KIND_ISO, "iso" }, { 257, 5, "ustar", ATT_KIND_TAR, "tar" },
	{ 0, 6, "070701", ATT_KIND_CPIO, "cpio" }, { 0, 6, "070702", ATT_KIND_CPIO, "cpio" },
	{ 0, 6, "070707", ATT_KIND_CPIO, "cpio" }, { 0, 2, "\307q", ATT_KIND_CPIO, "cpio" },
	{ 0, 8, "!<arch>\n", ATT_KIND_AR, "ar" }, { 0, 3, "\37\213\10", ATT_KIND_PACKED, "gzip" },
	{ 0, 3, "BZh", ATT_KIND_PACKED, "bzip2" }, { 0, 6, "\3757zXZ\0", ATT_KIND_PACKED, "xz" },
	{ 0, 4, "LZIP", ATT_KIND_PACKED, "lzip" }, { 0, 4, "(\265/\375", ATT_KIND_PACKED, "zstd" },
	{ 0, 4, "\4\"M\30", ATT_KIND_PACKED, "lz4" },
	{ 0, 2, "\37\235", ATT_KIND_PACKED, "compress" },
	/* What libarchive cannot read, or not without other libraries. */
	{ 0, 2, "`\352", ATT_KIND_CLOSED, "arj" }, { 7, 7, "**ACE**", ATT_KIND_CLOSED, "ace" },
	{ 20, 4, "\334\247\304\375", ATT_KIND_CLOSED, "zoo" },
	{ 0, 4, "xar!", ATT_KIND_CLOSED, "xar" }, { 0, 4, "ALZ\1", ATT_KIND_CLOSED, "alz" },
	{ 0, 4, "EGGA", ATT_KIND_CLOSED, "egg" }, { 0, 8, "MSWIM\0\0\0", ATT_KIND_CLOSED, "wim" },
	{ 0, 8, "conectix", ATT_KIND_CLOSED, "vhd" }, { 0, 8, "vhdxfile", ATT_KIND_CLOSED, "vhdx" },
	{ 32769, 5, "BEA01", ATT_KIND_CLOSED, "udf" },
	{ 32769, 5, "NSR02", ATT_KIND_CLOSED, "udf" },
	{ 32769, 5, "NSR03", ATT_KIND_CLOSED, "udf" },
	{ 34817, 5, "NSR02", ATT_KIND_CLOSED, "udf" },
	{ 34817, 5, "NSR03", ATT_KIND_CLOSED, "udf" },
	{ 0, 4, "\355\253\356\333", ATT_KIND_CLOSED, "rpm" },
	{ 0, 4, "ITSF", ATT_KIND_CLOSED, "chm" },
	{ 0, 4, "x\237>\"", ATT_KIND_CLOSED, "tnef" }, /* winmail.dat */
};

static int
has(struct filterd_octets o, const struct magic_octets *m)
{
	return o.len >= m->at + m->len && memcmp(o.p + m->at, m->octets, m->len) == 0;
}

/* A tar of old times: eleven octets less than ustar's nothing is there but a sum in octal. */
static int
is_old_tar(struct filterd_octets o)
{
	unsigned sum = 0, want = 0;
	size_t i;

	if (o.len < 512 || o.p[0] == '\0')
		return 0;
	for (i = 148; i < 156 && o.p[i] == ' '; i++)
		;
	if (i == 156 || o.p[i] < '0' || o.p[i] > '7')
		return 0;
	for (; i < 156 && o.p[i] >= '0' && o.p[i] <= '7'; i++)
		want = want * 8 + (unsigned)(o.p[i] - '0');
	for (i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : o.p[i];
	return sum == want;
}

/* "-lh5-" behind the length and sum of the header. */
static int
is_lha(struct filterd_octets o)
{
	return o.len > 21 && o.p[2] == '-' && o.p[3] == 'l' && (o.p[4] == 'h' || o.p[4] == 'z') &&
	       o.p[6] == '-';
}

/* Without a magic of its own: properties, a dictionary of a power of two or half more, and the
 * size, which is unknown or not immense. */
static int
is_lzma(struct filterd_octets o)
{
	uint32_t dictionary;

	if (o.len < 14 || o.p[0] != 0x5d || o.p[13] != 0)
		return 0;
	dictionary = (uint32_t)o.p[1] | (uint32_t)o.p[2] << 8 | (uint32_t)o.p[3] << 16 |
		     (uint32_t)o.p[4] << 24;
	if (dictionary < 4096 || (dictionary & (dictionary - 1) & (dictionary - 2)) > 0x60000000)
		return 0;
	return memcmp(o.p + 5, "\377\377\377\377\377\377\377\377", 8) == 0 ||
	       (o.p[10] == 0 && o.p[11] == 0 && o.p[12] == 0);
}

enum att_kind
att_kind(struct filterd_octets o, const char **name)
{
	for (size_t i = 0; i < nitems(magics); i++)
		if (has(o, &magics[i])) {
			*name = magics[i].name;
			return magics[i].kind;
		}
	if (is_lha(o))
		return *name = "lha", ATT_KIND_LHA;
	if (is_old_tar(o))
		return *name = "tar", ATT_KIND_TAR;
	if (is_lzma(o))
		return *name = "lzma", ATT_KIND_PACKED;
	*name = "none";
	return ATT_KIND_NONE;
}

enum att_kind
att_kind_behind(struct filterd_octets o, size_t *at)
{
	static const struct magic_octets behind[] = {
		{ 0, 6, "Rar!\32\7", ATT_KIND_RAR, NULL },
		{ 0, 6, "7z\274\257'\34", ATT_KIND_7Z, NULL },
	};
	enum att_kind kind = ATT_KIND_NONE;
	size_t from = *at, first = o.len;

	for (size_t i = 0; i < nitems(behind) && from < o.len; i++) {
		const uint8_t *found =
		    memmem(o.p + from, o.len - from, behind[i].octets, behind[i].len);

		if (found != NULL && (size_t)(found - o.p) < first) {
			first = (size_t)(found - o.p);
			kind = behind[i].kind;
		}
	}
	*at = first;
	return kind;
}

const char *
att_kind_tail(struct filterd_octets o)
{
	const size_t sector = 512;

	if (o.len < sector)
		return NULL;
	if (memcmp(o.p + o.len - sector, "conectix", 8) == 0)
		return "vhd"; /* of a fixed size */
	return memcmp(o.p + o.len - sector, "koly", 4) == 0 ? "dmg" : NULL;
}

/* The line that says so, and behind it a colon in front of a line, where the file begins. */
int
att_has_binhex(struct filterd_octets o)
{
	static const char says[] = "(This file must be converted with BinHex";
	const uint8_t *at = memmem(o.p, o.len, says, sizeof(says) - 1);

	return at != NULL && memmem(at, o.len - (size_t)(at - o.p), "\n:", 2) != NULL;
}

#define SECTOR       2048
#define FIRST_SECTOR 16
#define LAST_SECTOR  64

/* Both kinds of descriptors follow each other; UDF's own come behind those of ISO 9660. */
unsigned
att_iso_sides(struct filterd_octets o)
{
	unsigned sides = 0;

	for (size_t i = FIRST_SECTOR; i <= LAST_SECTOR && o.len >= (i + 1) * SECTOR; i++) {
		const uint8_t *p = o.p + i * SECTOR;

		if (p[0] == 2 && memcmp(p + 1, "CD001", 5) == 0 && p[88] == '%' && p[89] == '/')
			sides |= ATT_ISO_JOLIET;
		if (memcmp(p + 1, "NSR02", 5) == 0 || memcmp(p + 1, "NSR03", 5) == 0)
			sides |= ATT_ISO_UDF;
	}
	return sides;
}

int
att_is_text(struct filterd_octets o)
{
	for (size_t i = 0; i < o.len; i++) {
		uint8_t c = o.p[i];

		if (c == 0x7f ||
		    (c < ' ' && c != '\t' && c != '\n' && c != '\f' && c != '\r' && c != 0x1b))
			return 0;
	}
	return 1;
}

static int
ends_in(const struct att_reading *r, const char *end)
{
	size_t n = strlen(end);

	return r->len > n && strncasecmp((const char *)r->p + r->len - n, end, n) == 0;
}

int
att_kind_named(const struct att_readings *all)
{
	unsigned inner;

	for (size_t i = 0; i < all->n; i++)
		if (att_class_of_name(&all->v[i], &inner) &
		    (ATT_ARCHIVE | ATT_OFFICE | ATT_PROGRAM))
			return 1;
	return 0;
}

int
att_named_message(const struct att_readings *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (ends_in(&all->v[i], ".eml") || ends_in(&all->v[i], ".mht") ||
		    ends_in(&all->v[i], ".mhtml"))
			return 1;
	return 0;
}
