/*
 * part_texts [gmime] - the parts of a message, decoded
 *
 * The message is read from standard input.  Each part that is no container gives a line "TYPE
 * LENGTH" and its octets, a text as UTF-8.  With `gmime` it is GMime that takes the message apart,
 * for tests that hold one beside the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#ifdef HAVE_GMIME
#include <gmime/gmime.h>
#endif

#include "base/buf.h"
#include "mail/charset.h"
#include "mail/parts.h"

static void
say(const char *type, const void *octets, size_t len)
{
	printf("%s %zu\n", type, len);
	if (len > 0) /* octets may be NULL */
		fwrite(octets, 1, len, stdout);
}

static void
ours(struct span message)
{
	static const struct parts_options options = {
		.mime = { .line_length_limit = 2048,
		    .header_size_limit = 102400,
		    .nesting_limit = 100,
		    .parts_limit = 10000,
		    .boundary_length_limit = 2048 },
		.memory_limit = (size_t)32 * 1024 * 1024,
		.inner_limit = 4,
	};
	struct parts *parts = parts_new(message, &options);
	struct parts_part part;

	for (size_t i = 0; parts_get(parts, i, &part) == 1; i++) {
		struct buf text = { 0 };

		if (strncmp(part.type, "text/", 5) == 0) {
			charset_decode(part.decoded, span_str(part.charset), &text);
			say(part.type, buf_cstr(&text), text.len);
		} else {
			say(part.type, part.decoded.p, part.decoded.len);
		}
		buf_fini(&text);
	}
	parts_free(parts);
}

#ifdef HAVE_GMIME
static void
leaf(GMimeObject *o)
{
	GMimeContentType *type = g_mime_object_get_content_type(o);
	const char *charset = g_mime_object_get_content_type_parameter(o, "charset");
	GMimeStream *memory = g_mime_stream_mem_new(), *out = g_mime_stream_filter_new(memory);
	GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(o));
	char *name = g_mime_content_type_get_mime_type(type);
	GByteArray *octets;
	GMimeFilter *filter;

	for (char *c = name; *c != '\0'; c++)
		*c = g_ascii_tolower(*c);
	if (GMIME_IS_TEXT_PART(o) && charset != NULL) {
		filter = g_mime_filter_charset_new(charset, "utf-8");
		if (filter != NULL)
			g_mime_stream_filter_add(GMIME_STREAM_FILTER(out), filter);
		if (filter != NULL)
			g_object_unref(filter);
	}
	if (content != NULL)
		g_mime_data_wrapper_write_to_stream(content, out);
	g_mime_stream_flush(out);
	octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
	say(name, octets->data, octets->len);
	g_free(name);
	g_object_unref(out);
	g_object_unref(memory);
}

static void
object(GMimeObject *o)
{
	if (GMIME_IS_MULTIPART(o)) {
		for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(o)); i++)
			object(g_mime_multipart_get_part(GMIME_MULTIPART(o), i));
	} else if (GMIME_IS_MESSAGE_PART(o)) {
		GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));

		if (m != NULL)
			object(g_mime_message_get_mime_part(m));
	} else {
		leaf(o);
	}
}

static int
theirs(struct span message)
{
	GMimeStream *in;
	GMimeParser *parser;
	GMimeMessage *m;

	g_mime_init();
	in = g_mime_stream_mem_new_with_buffer((const char *)message.p, message.len);
	parser = g_mime_parser_new_with_stream(in);
	m = g_mime_parser_construct_message(parser, NULL);
	if (m != NULL) {
		object(g_mime_message_get_mime_part(m));
		g_object_unref(m);
	}
	g_object_unref(parser);
	g_object_unref(in);
	g_mime_shutdown();
	return 0;
}
#else
static int
theirs(struct span message)
{
	(void)message;
	fprintf(stderr, "part_texts: built without GMime\n");
	return 77;
}
#endif

int
main(int argc, char **argv)
{
	struct buf in = { 0 };
	int rc = 0;
	size_t n;

	do {
		n = fread(buf_reserve(&in, 65536), 1, 65536, stdin);
		in.len += n;
	} while (n > 0);
	if (argc > 1 && strcmp(argv[1], "gmime") == 0)
		rc = theirs(buf_span(&in));
	else
		ours(buf_span(&in));
	buf_fini(&in);
	return rc;
}
