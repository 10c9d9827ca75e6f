#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "tests/bench/bench_message.h"
#include "tests/bench/bench_net.h"

/* Lines that end in LF or CRLF. */
static struct bench_message
to_wire(struct span text)
{
	struct buf out = { 0 };
	struct span line;
	struct bench_message m;

	while (text.len > 0) {
		span_cut(text, '\n', &line, &text);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && line.p[0] == '.')
			buf_addc(&out, '.');
		buf_add_span(&out, line);
		buf_adds(&out, "\r\n");
	}
	buf_adds(&out, ".\r\n");
	m.len = out.len;
	m.p = buf_take(&out);
	return m;
}

static void
add(struct bench_messages *all, struct bench_message m)
{
	all->m = xrealloc(all->m, (all->n + 1) * sizeof(*all->m));
	all->m[all->n++] = m;
}

struct bench_messages
bench_message_make(size_t size)
{
	static const char header[] = "From: <from@example.org>\nTo: <to@example.net>\n"
				     "Date: Mon, 1 Jan 2024 00:00:00 +0000\n"
				     "Message-Id: <bench@example.org>\nSubject: benchmark\n"
				     "MIME-Version: 1.0\nContent-Type: text/plain\n\n";
	struct bench_messages all = { 0 };
	struct buf text = { 0 };

	buf_adds(&text, header);
	while (text.len < size) {
		size_t left = size - text.len, line = left < 80 ? left : 80;

		for (size_t i = 1; i < line; i++)
			buf_addc(&text, (char)('a' + (text.len * 7 + i) % 26));
		buf_addc(&text, '\n');
	}
	add(&all, to_wire(buf_span(&text)));
	buf_fini(&text);
	return all;
}

static struct span
read_file(const char *path, struct buf *text)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		bench_die("%s: %s", path, strerror(errno));
	buf_reset(text);
	do {
		char *to = buf_reserve(text, 65536);

		n = fread(to, 1, 65536, f);
		text->len += n;
	} while (n > 0);
	fclose(f);
	return buf_span(text);
}

struct bench_messages
bench_message_load(const char *folder)
{
	struct bench_messages all = { 0 };
	struct buf text = { 0 };
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);

	if (n == -1)
		bench_die("%s: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			add(&all, to_wire(read_file(path, &text)));
		free(names[i]);
	}
	free(names);
	buf_fini(&text);
	if (all.n == 0)
		bench_die("%s: must hold messages", folder);
	return all;
}
