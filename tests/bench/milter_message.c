#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "tests/bench/milter_mta.h"

/* Behind a field's colon; a line that goes on is parted by LF alone, as on the wire. */
static void
add_field(struct buf *out, struct span name, struct span value)
{
	buf_add_span(out, name);
	buf_addc(out, '\0');
	if (value.len == 0 || value.p[0] != ' ')
		buf_addc(out, ' ');
	buf_add_span(out, value);
	buf_addc(out, '\0');
}

static struct span
without_cr(struct span line)
{
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* Of text with LF or CRLF. */
static struct mta_message
parse(struct span text, const char *what)
{
	struct buf fields = { 0 }, body = { 0 };
	struct mta_message m = { 0 };
	struct span line, name, value;

	while (text.len > 0) {
		span_cut(text, '\n', &line, &text);
		line = without_cr(line);
		if (line.len == 0)
			break;
		if ((line.p[0] == ' ' || line.p[0] == '\t') && m.nfields > 0) {
			fields.p[fields.len - 1] = '\n';
			buf_add_span(&fields, line);
			buf_addc(&fields, '\0');
			continue;
		}
		if (!span_cut(line, ':', &name, &value) || name.len == 0)
			bench_die("%s: must begin with header fields", what);
		m.field = xrealloc(m.field, (m.nfields + 2) * sizeof(*m.field));
		m.field[m.nfields++] = fields.len;
		add_field(&fields, name, value);
	}
	if (m.nfields == 0)
		bench_die("%s: must have header fields", what);
	m.field[m.nfields] = fields.len;
	while (text.len > 0) {
		span_cut(text, '\n', &line, &text);
		buf_add_span(&body, without_cr(line));
		buf_adds(&body, "\r\n");
	}
	m.fields = buf_take(&fields);
	m.body_len = body.len;
	m.body = buf_take(&body);
	return m;
}

static void
add(struct mta_messages *all, struct mta_message m)
{
	all->m = xrealloc(all->m, (all->n + 1) * sizeof(*all->m));
	all->m[all->n++] = m;
}

struct mta_messages
mta_message_make(size_t size)
{
	static const char header[] =
	    "Return-Path: <sender@example.org>\n"
	    "Received: from mx.example.org (mx.example.org [192.0.2.7])\n"
	    "\tby relay.example.org (Postfix) with ESMTPS id 4Rn2bq0Kz1z9sT\n"
	    "\tfor <r0@example.net>; Mon, 1 Jan 2024 00:00:00 +0000 (UTC)\n"
	    "Received: from desk.example.org (desk.example.org [192.0.2.8])\n"
	    "\tby mx.example.org (Postfix) with ESMTPSA id 9F1A2803B7;\n"
	    "\tMon, 1 Jan 2024 00:00:00 +0000 (UTC)\n"
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=m;\n"
	    "\tt=1704067200; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n"
	    "\th=From:To:Subject:Date; b=c2lnbmVkLCBzZWFsZWQgYW5kIGRlbGl2ZXJlZA==\n"
	    "From: A Sender <sender@example.org>\n"
	    "To: A Recipient <r0@example.net>\n"
	    "Reply-To: sender@example.org\n"
	    "Date: Mon, 1 Jan 2024 00:00:00 +0000\n"
	    "Message-Id: <20240101000000.9F1A2803B7@example.org>\n"
	    "Subject: benchmark\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=us-ascii\n"
	    "Content-Transfer-Encoding: 7bit\n"
	    "List-Unsubscribe: <mailto:leave@example.org>\n"
	    "X-Mailer: bench\n\n";
	struct mta_messages all = { 0 };
	struct buf text = { 0 };

	buf_adds(&text, header);
	while (text.len < size) {
		size_t left = size - text.len, line = left < 80 ? left : 80;

		for (size_t i = 1; i < line; i++)
			buf_addc(&text, (char)('a' + (text.len * 7 + i) % 26));
		buf_addc(&text, '\n');
	}
	add(&all, parse(buf_span(&text), "our message"));
	buf_fini(&text);
	return all;
}

static void
add_file(struct mta_messages *all, const char *path)
{
	struct buf text = { 0 };
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		bench_die("%s: %s", path, strerror(errno));
	do {
		n = fread(buf_reserve(&text, 65536), 1, 65536, f);
		text.len += n;
	} while (n > 0);
	fclose(f);
	add(all, parse(buf_span(&text), path));
	buf_fini(&text);
}

struct mta_messages
mta_message_load(const char *folder)
{
	struct mta_messages all = { 0 };
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);

	if (n == -1)
		bench_die("%s: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			add_file(&all, path);
		free(names[i]);
	}
	free(names);
	if (all.n == 0)
		bench_die("%s: must hold messages", folder);
	return all;
}
