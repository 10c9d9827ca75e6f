#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/xmem.h"
#include "tests/lib/virus_world.h"

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

/* --- folders --- */

void
world_make(struct virus_world *w)
{
	snprintf(w->folder, sizeof(w->folder), "/tmp/virus_world.XXXXXX");
	must(mkdtemp(w->folder) != NULL, w->folder);
	snprintf(w->db, sizeof(w->db), "%.4000s/db", w->folder);
	snprintf(w->tmp, sizeof(w->tmp), "%.4000s/tmp", w->folder);
	must(mkdir(w->db, 0755) == 0, w->db);
	must(mkdir(w->tmp, 0700) == 0, w->tmp);
}

void
world_remove(struct virus_world *w)
{
	char *command = xasprintf("rm -rf -- '%s'", w->folder);

	must(system(command) == 0, command);
	free(command);
}

/* Put in place at one blow, as freshclam does: within a tick of the clock only the inode tells. */
void
world_database(const struct virus_world *w, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", w->db, name), *new = xasprintf("%s.new", path);
	FILE *f;

	if (text == NULL) {
		must(unlink(path) == 0, path);
	} else {
		f = fopen(new, "we");
		must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, new);
		must(rename(new, path) == 0, path);
	}
	free(new);
	free(path);
}

const char *
eicar(void)
{
	return "X5O!P%@AP[4\\PZX54(P^)7CC)7}$"
	       "EICAR-STANDARD-"
	       "ANTIVIRUS-TEST-"
	       "FILE!$H+H*";
}

void
world_eicar_database(const struct virus_world *w)
{
	struct buf b = { 0 };

	buf_adds(&b, "Test.Eicar:0:*:");
	for (const char *p = eicar(); *p != '\0'; p++)
		buf_printf(&b, "%02x", (unsigned char)*p);
	buf_adds(&b, "\n");
	world_database(w, "test.ndb", buf_cstr(&b));
	buf_fini(&b);
}

/* --- zip --- */

static void
le(struct buf *b, uint32_t v, int octets)
{
	for (int i = 0; i < octets; i++)
		buf_addc(b, (char)(v >> 8 * i & 255));
}

/* What the local and the central header have in common. */
static void
zip_common(struct buf *b, uint32_t crc, uint32_t size, size_t name, int is_encrypted)
{
	le(b, 20, 2);
	le(b, is_encrypted ? 1 : 0, 2);
	le(b, 0, 2); /* stored */
	le(b, 0x58210000, 4);
	le(b, crc, 4);
	le(b, size, 4);
	le(b, is_encrypted ? size - 12 : size, 4);
	le(b, (uint32_t)name, 2);
	le(b, 0, 2);
}

static void
zip_end(struct buf *b, uint32_t members, uint32_t start)
{
	uint32_t at = (uint32_t)b->len;

	le(b, 0x06054b50, 4);
	le(b, 0, 4);
	le(b, members, 2);
	le(b, members, 2);
	le(b, at - start, 4);
	le(b, start, 4);
	le(b, 0, 2);
}

struct member {
	char name[32];
	uint32_t crc, at;
	const void *octets;
	uint32_t n;
};

static void
zip_write(struct buf *b, struct member *m, size_t n, int is_encrypted)
{
	uint32_t start;

	for (size_t i = 0; i < n; i++) {
		m[i].at = (uint32_t)b->len;
		m[i].crc = (uint32_t)crc32(0, m[i].octets, m[i].n);
		le(b, 0x04034b50, 4);
		zip_common(b, m[i].crc, m[i].n, strlen(m[i].name), is_encrypted);
		buf_adds(b, m[i].name);
		buf_add(b, m[i].octets, m[i].n);
	}
	start = (uint32_t)b->len;
	for (size_t i = 0; i < n; i++) {
		le(b, 0x02014b50, 4);
		le(b, 20, 2);
		zip_common(b, m[i].crc, m[i].n, strlen(m[i].name), is_encrypted);
		le(b, 0, 2);
		le(b, 0, 4);
		le(b, 0, 4);
		le(b, m[i].at, 4);
		buf_adds(b, m[i].name);
	}
	zip_end(b, (uint32_t)n, start);
}

void
zip_store(struct buf *b, const char *name, const void *octets, size_t n, int is_encrypted)
{
	struct member m = { .octets = octets, .n = (uint32_t)n };

	snprintf(m.name, sizeof(m.name), "%s", name);
	zip_write(b, &m, 1, is_encrypted);
}

void
zip_many(struct buf *b, size_t members)
{
	struct member *m = xcalloc(members, sizeof(*m));

	for (size_t i = 0; i < members; i++) {
		snprintf(m[i].name, sizeof(m[i].name), "file%zu", i);
		m[i].octets = m[i].name;
		m[i].n = (uint32_t)strlen(m[i].name);
	}
	zip_write(b, m, members, 0);
	free(m);
}

/* --- messages --- */

static void
base64(struct buf *b, const uint8_t *p, size_t n)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		v |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint32_t)p[i + 2] : 0;
		buf_addc(b, letters[v >> 18]);
		buf_addc(b, letters[v >> 12 & 63]);
		buf_addc(b, i + 1 < n ? letters[v >> 6 & 63] : '=');
		buf_addc(b, i + 2 < n ? letters[v & 63] : '=');
		if (i % 57 == 54)
			buf_adds(b, "\r\n");
	}
	buf_adds(b, "\r\n");
}

#define TEXT "Some words for whoever reads this.\r\nAnd more of them.\r\n"

void
message_give(struct driver *d, const struct attachment *a, size_t n)
{
	struct buf b = { 0 };

	buf_adds(&b, "From: <a@example.com>\r\nTo: <b@example.com>\r\nSubject: things\r\n"
		     "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"bb\"\r\n\r\n"
		     "--bb\r\nContent-Type: text/plain\r\n\r\n" TEXT);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b,
		    "--bb\r\nContent-Type: application/octet-stream; name=\"%s\"\r\n"
		    "Content-Disposition: attachment; filename=\"%s\"\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n",
		    a[i].name, a[i].name);
		base64(&b, a[i].octets, a[i].n);
	}
	buf_adds(&b, "--bb--\r\n");
	driver_message(d, b.p, b.len);
	driver_part(d, "text/plain", TEXT, sizeof(TEXT) - 3);
	for (size_t i = 0; i < n; i++)
		driver_part(d, "application/octet-stream", a[i].octets, a[i].n);
	buf_fini(&b);
}
