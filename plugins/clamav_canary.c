/*
 * The canary: octets that nobody else knows, with a signature of their own, loaded beside the
 * site's.  An engine that does not find it in an attachment finds nothing that can be relied on.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/clamav_engine.h"

#define NAME "Filterd.Canary"

static void
hex(const struct clam_canary *c, char out[2 * sizeof(((struct clam_canary *)0)->octets) + 1])
{
	for (size_t i = 0; i < sizeof(c->octets); i++)
		snprintf(out + 2 * i, 3, "%02x", c->octets[i]);
}

static int
write_signature(const char *folder, const char *digits, char *why, size_t size)
{
	char path[128];
	FILE *f;
	int bad;

	snprintf(path, sizeof(path), "%s/canary.ndb", folder);
	f = fopen(path, "wxe");
	if (f == NULL) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return -1;
	}
	bad = fprintf(f, NAME ":0:*:%s\n", digits) < 0;
	bad |= fclose(f) != 0;
	if (bad)
		snprintf(why, size, "%s: cannot be written", path);
	return bad ? -1 : 0;
}

int
clam_canary_make(struct clam_canary *c, char *why, size_t size)
{
	char digits[2 * sizeof(c->octets) + 1];
	const char *tmp = getenv("TMPDIR");

	memset(c, 0, sizeof(*c));
	if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > sizeof(c->folder) - 24)
		tmp = "/tmp";
	if (getrandom(c->octets, sizeof(c->octets), 0) != (ssize_t)sizeof(c->octets)) {
		snprintf(why, size, "no random octets for the canary");
		return -1;
	}
	snprintf(c->folder, sizeof(c->folder), "%s/filterd-clamav.XXXXXX", tmp);
	if (mkdtemp(c->folder) == NULL) {
		snprintf(why, size, "%s: %s", c->folder, strerror(errno));
		c->folder[0] = '\0';
		return -1;
	}
	hex(c, digits);
	return write_signature(c->folder, digits, why, size);
}

int
clam_canary_load(const struct clam_canary *c, struct cl_engine *cl, char *why, size_t size)
{
	char path[128];
	unsigned n = 0;
	cl_error_t rc;

	snprintf(path, sizeof(path), "%s/canary.ndb", c->folder);
	rc = cl_load(path, cl, &n, 0);
	if (rc == CL_SUCCESS)
		return 0;
	snprintf(why, size, "the canary's signature: %s", cl_strerror(rc));
	return -1;
}

/* As an attachment, so that the way of all viruses is gone: type of the message, parts, the folder
 * for temporary files. */
static size_t
write_message(const struct clam_canary *c, char *out, size_t size)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char b64[4 * ((sizeof(c->octets) + 2) / 3) + 1], *o = b64;
	int n;

	for (size_t i = 0; i < sizeof(c->octets); i += 3) {
		size_t left = sizeof(c->octets) - i;
		uint32_t v = (uint32_t)c->octets[i] << 16;

		v |= left > 1 ? (uint32_t)c->octets[i + 1] << 8 : 0;
		v |= left > 2 ? (uint32_t)c->octets[i + 2] : 0;
		*o++ = letters[v >> 18 & 63];
		*o++ = letters[v >> 12 & 63];
		*o++ = left > 1 ? letters[v >> 6 & 63] : '=';
		*o++ = left > 2 ? letters[v & 63] : '=';
	}
	*o = '\0';
	n = snprintf(out, size,
	    "Received: from canary\r\nFrom: <canary@localhost>\r\nSubject: canary\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"c\"\r\n\r\n"
	    "--c\r\nContent-Type: text/plain\r\n\r\ncanary\r\n"
	    "--c\r\nContent-Type: application/octet-stream; name=canary.bin\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--c--\r\n",
	    b64);
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

int
clam_canary_check(const struct clam_canary *c, struct clam_engine *e, char *why, size_t size)
{
	struct clam_heard heard = { 0 };
	const char *name = NULL;
	unsigned long scanned = 0;
	char message[1024];
	size_t n = write_message(c, message, sizeof(message));
	cl_fmap_t *map = cl_fmap_open_memory(message, n);
	cl_error_t rc = CL_EMEM;

	clam_hear(&heard);
	if (map != NULL)
		rc = cl_scanmap_callback(map, "canary", &name, &scanned, e->cl, &e->options, NULL);
	if (map != NULL)
		cl_fmap_close(map);
	clam_hear(NULL);
	if (rc == CL_VIRUS && name != NULL && strncmp(name, NAME, sizeof(NAME) - 1) == 0)
		return 0;
	if (rc == CL_VIRUS && name != NULL)
		snprintf(why, size, "the canary was taken for %.100s", name);
	else
		snprintf(why, size, "the canary was not found: %s%s%s", cl_strerror(rc),
		    heard.errors > 0 ? ": " : "", heard.first);
	return -1;
}

void
clam_canary_remove(struct clam_canary *c)
{
	char path[128];

	if (c->folder[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%s/canary.ndb", c->folder);
	unlink(path);
	rmdir(c->folder);
	c->folder[0] = '\0';
}
