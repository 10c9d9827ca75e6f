/*
 * field_texts [gmime] - the fields Subject and From of a message, and the names of its files,
 * decoded
 *
 * The message is read from standard input.  Each thing gives a line "THING LENGTH" and its octets.
 * Ours are "subject" and "from", the field's value in each reading of mail/field_text.h, and of
 * each part that is no container "name" and "other", the names that other readers may take.
 *
 * With `gmime` it is GMime that decodes, for tests that hold one beside the other: "subject",
 * "person" for each name of a mailbox in From, and "name" for each part.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#ifdef HAVE_GMIME
#include <gmime/gmime.h>
#endif

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "mail/field_text.h"
#include "mail/mime.h"
#include "mail/parts.h"

static const struct mime_options mime_options = { .line_length_limit = 2048,
	.header_size_limit = (size_t)4 * 1024 * 1024,
	.nesting_limit = 100,
	.parts_limit = 10000,
	.boundary_length_limit = 2048 };

static void
say(const char *thing, struct span s)
{
	printf("%s %zu\n", thing, s.len);
	if (s.len > 0) /* octets may be NULL */
		fwrite(s.p, 1, s.len, stdout);
}

static int
on_header(void *arg, const struct mime_header *field)
{
	struct span value = mime_header_text(field);
	const char *thing = NULL;

	(void)arg;
	if (span_case_eq_str(field->name, "subject"))
		thing = "subject";
	else if (span_case_eq_str(field->name, "from"))
		thing = "from";
	if (thing == NULL || field->class != MIME_HDR_PRIMARY)
		return 0;
	value = span_make(value.p + field->name.len + 1, value.len - field->name.len - 1);
	for (int r = 0; r < FIELD_READINGS; r++) {
		struct buf text = { 0 };

		(void)field_text(span_trim(value), (enum field_reading)r, &text);
		say(thing, buf_span(&text));
		buf_fini(&text);
	}
	return 0;
}

static int
ours(struct span message)
{
	static const struct mime_events events = { .header = on_header };
	const struct parts_options options = {
		.mime = mime_options, .memory_limit = (size_t)32 * 1024 * 1024, .inner_limit = 4
	};
	struct parts *parts = parts_new(message, &options);
	struct arena *arena = arena_new();
	struct mime_index index;
	struct parts_part part;

	(void)mime_walk(message, &mime_options, &events, arena, &index);
	for (size_t i = 0; parts_look(parts, i, &part) == 1; i++) {
		say("name", span_str(part.name));
		for (size_t k = 0; k < part.nnames; k++)
			say("other", part.names[k]);
	}
	parts_free(parts);
	arena_free(arena);
	return 0;
}

#ifdef HAVE_GMIME
static void
say_str(const char *thing, const char *text)
{
	say(thing, span_str(text == NULL ? "" : text));
}

static void
people(InternetAddressList *list)
{
	for (int i = 0; list != NULL && i < internet_address_list_length(list); i++)
		say_str("person",
		    internet_address_get_name(internet_address_list_get_address(list, i)));
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
		say_str("name", g_mime_part_get_filename(GMIME_PART(o)));
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
		say_str("subject", g_mime_message_get_subject(m));
		people(g_mime_message_get_from(m));
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
	fprintf(stderr, "field_texts: built without GMime\n");
	return 77;
}
#endif

int
main(int argc, char **argv)
{
	struct buf in = { 0 };
	int rc;
	size_t n;

	do {
		n = fread(buf_reserve(&in, 65536), 1, 65536, stdin);
		in.len += n;
	} while (n > 0);
	if (argc > 1 && strcmp(argv[1], "gmime") == 0)
		rc = theirs(buf_span(&in));
	else
		rc = ours(buf_span(&in));
	buf_fini(&in);
	return rc;
}
