/*
 * url_private - what the files of the URL finder share; nobody else includes it
 */
#ifndef MAIL_URL_PRIVATE_H
#define MAIL_URL_PRIVATE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/keyhash.h"
#include "mail/url.h"

#define URL_REST_MAX 16384 /* octets behind a host that are looked at as part of the URL */
#define URLS_CHAINS  256
#define URL_JOIN_MAX (8 << 20) /* octets of <base> before all references of a set */

struct url_kept {
	struct url url;
	struct url_kept *next; /* in its chain */
	uint64_t hash;
};

struct url_form { /* a normal form being made */
	char text[URL_TEXT_MAX];
	size_t len;
	int cut;
	struct url url;
};
struct urls {
	struct arena *arena;
	const struct public_suffix *suffixes;
	size_t limit;
	struct url_kept **list;
	size_t n, room;
	struct url_kept *chains[URLS_CHAINS];
	struct keyhash key;
	unsigned limits;
	int pages;         /* documents that are being looked at, each within the one before */
	size_t inner_left; /* octets that may still be looked at for URLs within URLs */
	/* Of the text being looked through: octets in which an authority ends at none, but for
	 * those to which \\ is its end. */
	struct span open;
	uint8_t *undone[URL_DEPTH_MAX + 1]; /* URL_REST_MAX octets each, once needed */
	uint8_t *joined;                    /* a reference behind its base, once needed */
	size_t join_left;                   /* octets of bases */
	struct url_form form;
};

/* --- url.c --- */
/* Nothing more is to be looked for. */
int urls_full(const struct urls *);
/* Is it there?  If not it is put there, with copies of all. */
void urls_put(struct urls *, const struct url *);

/* --- url_scheme.c --- */
struct url_scheme {
	const char *name;
	enum url_syntax {
		URL_OPAQUE,  /* no host */
		URL_GENERIC, /* RFC 3986 */
		URL_WEB,     /* the same, and \ is /, and any number of them */
		URL_MAIL,    /* mailto: */
		URL_DATA,
	} syntax;
	int port;      /* the default; 0: it has none */
	int glued;     /* in a text it may stand right behind a word */
	int one_slash; /* is enough, or a backslash */
};
/* The scheme of a text before a colon, all of it; NULL: it can be none.  own is filled in where it
 * is none of those known, and lives as long as its user wants. */
struct url_scheme_name {
	struct url_scheme scheme;
	char text[32];
};
const struct url_scheme *url_scheme_read(struct span name, struct url_scheme_name *own);
/* The scheme that ends before the colon at `colon` of a text. */
const struct url_scheme *url_scheme_before(
    struct span text, size_t colon, struct url_scheme_name *own);

/* --- url_form.c --- */
struct url_target {
	const struct url_scheme *scheme;
	struct url_host host;
	unsigned port;    /* 0: none, or the default */
	struct span rest; /* from the path on, as written */
};
/* With a host.  The members of form->url but registered. */
void url_form_make(struct url_form *, const struct url_target *);
void url_form_opaque(struct url_form *, const struct url_scheme *, struct span rest);
void url_form_mail(struct url_form *, struct span local, const struct url_host *);

/* --- url_take.c: what is found into the set, each with what stands in it --- */
/* What stands behind the colon of a scheme: taken if it is a URL.  How many octets of it are done
 * with: in a text at least up to the end of what would have been its host, in a reference all, or
 * where a rest begins that was too long. */
enum url_from { URL_FROM_TEXT, URL_FROM_REFERENCE };
size_t url_take(
    struct urls *, const struct url_scheme *, struct span behind, enum url_from, int depth);
/* Without a scheme: the first host_len octets are a host, if they are one.  At least host_len. */
size_t url_take_bare(struct urls *, struct span s, size_t host_len, enum url_from, int depth);

/* --- url_mail.c --- */
size_t url_take_mail(struct urls *, struct span behind, enum url_from, int depth);

/* --- url_inner.c --- */
/* The normal form in urls->form into the set; then the URLs in what it was made of. */
void url_emit(struct urls *, struct span rest, int depth);

/* --- url_name.c: hosts in a text --- */
/* The host that the first of these octets are: how many, 0 none.  In a text a name may be followed
 * by words of another script without a blank. */
size_t url_name_read(const struct urls *, struct span written, struct url_host *);
/* Does it end in a top-level domain that there is? */
int url_name_is_top(const struct urls *, const char *name);

/* --- url_scan.c --- */
void url_scan(struct urls *, struct span text, int depth);

/* --- url_reference.c --- */
/* What <base> says, made ready once for all references. */
struct url_base {
	struct span text;
	const struct url_scheme *scheme; /* NULL: none, and nothing is relative to it */
	struct url_scheme_name own;
	size_t scheme_len; /* with its colon */
	/* How much stands before "/x", "x" and "?x", each at most URL_REST_MAX. */
	size_t host, folder, path;
};
/* The base is not to be moved. */
void url_base_make(struct urls *, struct span written, struct url_base *);
void url_reference(struct urls *, struct span value, const struct url_base *);

/* --- url_html.c --- */
/* A document, or one within another. */
void url_page(struct urls *, struct span html);

/* --- url_data.c: documents and scripts that are written as something else --- */
/* What stands behind "data:", media type and all: looked at if a reader would show it. */
void url_data(struct urls *, struct span behind);
/* Does a document begin here, and where does it end in a text?  0: it does not. */
size_t url_data_length(struct span behind);
void url_script(struct urls *, struct span script);

/* --- url_css.c --- */
void url_css(struct urls *, struct span css, const struct url_base *);

/* --- url_end.c: where a URL ends in a text --- */
/* Is there something at i that no URL goes on with?  Else *n is how long it is, and *dot says
 * whether it is the dot of another script. */
int url_ends_at(struct span text, size_t i, size_t *n, int *dot);
/* Of the octets from i on those that belong to path and query: length, at most URL_REST_MAX,
 * without the punctuation of the sentence. */
size_t url_rest_length(struct span text, size_t i);

#endif
