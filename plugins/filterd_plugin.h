/*
 * filterd_plugin - what a plugin is, and what it may ask for; filterd_plugin(7) explains it at
 * length
 *
 * A plugin is a shared object that exports one `const struct filterd_plugin filterd_plugin`: rows
 * of restrictions, table types, parameters, facts, and scans.  filterd's own restrictions are rows
 * of the same struct.  Everything a plugin asks of filterd goes through `struct filterd_host`,
 *which its open functions are given; what it is handed (runs, ops) is opaque.
 *
 * A restriction decides in a thread of a door, with the transaction at hand.  What parses what a
 * stranger wrote is a scan: it runs in a scanner process, without network, files, DNS or tables,
 * and tells facts and keys, out of which the restriction makes its verdict.
 *
 * Ownership: what the plugin exports is never changed or freed.  Texts handed to a plugin live as
 *	long as the call that brought them unless told otherwise.
 * Threads: open, close and compile functions one at a time for a configuration; check functions any
 *	number at a time; scan functions one at a time in their process.
 */
#ifndef FILTERD_PLUGIN_H
#define FILTERD_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

/* Changes with any change of what is below. */
#define FILTERD_PLUGIN_ABI 1

#if defined(__GNUC__)
#define FILTERD_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define FILTERD_PRINTF(fmt, first)
#endif

struct filterd_host;
struct filterd_say;  /* where a scan tells what it found */
struct filterd_work; /* what a scan is given */
struct rule_compile; /* a configuration while it is read */
struct rule_op;      /* an item of a list, compiled */
struct rule_run;     /* one evaluation */

/* Octets that somebody else owns; no NUL at the end is promised. */
struct filterd_octets {
	const uint8_t *p;
	size_t len;
};

/* --- restrictions --- */

/* The lists, in the order in which the stages come. */
enum rule_list_id {
	LIST_CLIENT,      /* smtpd_client_restrictions */
	LIST_HELO,        /* smtpd_helo_restrictions */
	LIST_SENDER,      /* smtpd_sender_restrictions */
	LIST_RELAY,       /* smtpd_relay_restrictions */
	LIST_RECIPIENT,   /* smtpd_recipient_restrictions */
	LIST_DATA,        /* smtpd_data_restrictions */
	LIST_END_OF_DATA, /* smtpd_end_of_data_restrictions */
	LIST_CONTENT,     /* content_restrictions */
	RULE_LISTS,
};

enum rule_result {
	RULE_DUNNO,   /* the next item */
	RULE_OK,      /* the list ends, permitted */
	RULE_REFUSED, /* the list ends; the run has the reply */
};

/* What stands behind the name in a list. */
enum restriction_arg {
	ARG_NONE,
	ARG_TABLE,   /* type:name, opened: host->lookup() */
	ARG_TEXT,    /* one word: host->item_arg() */
	ARG_SERVICE, /* one word, or { word, name=value ... }: host->item_arg(), whole */
	ARG_SECONDS, /* a number: host->item_number() */
	ARG_NEXT,    /* none, but it changes what the next item means: warn_if_reject */
};

/* Lists it may stand in, as bits. */
#define AT(list)       (1u << (list))
#define AT_CLIENT      AT(LIST_CLIENT)
#define AT_HELO        AT(LIST_HELO)
#define AT_SENDER      AT(LIST_SENDER)
#define AT_RELAY       AT(LIST_RELAY)
#define AT_RCPT        AT(LIST_RECIPIENT)
#define AT_DATA        AT(LIST_DATA)
#define AT_END_OF_DATA AT(LIST_END_OF_DATA)
#define AT_END         AT(LIST_CONTENT)
#define AT_ANY         (AT(RULE_LISTS) - 1u)

/* What it looks at.  Load warns where a list runs before that is known. */
#define NEED_HELO    (1u << 0)
#define NEED_SENDER  (1u << 1)
#define NEED_RCPT    (1u << 2)
#define NEED_DATA    (1u << 3) /* the DATA command has come */
#define NEED_CONTENT (1u << 4) /* the whole message */
#define NEED_DNS     (1u << 5) /* it asks the DNS: `prepare` says what */
#define NEED_TABLES  (1u << 6) /* it asks tables */
/* What it can do to a list. */
/* It may answer OK, which else counts as a failure; look-ups of later items are not begun before
 * it.  Every item that applies a table's rows may. */
#define CAN_PERMIT  (1u << 8)
#define STOPS_RELAY (1u << 9)  /* counts as protection from open relaying at start-up */
#define ENDS_LIST   (1u << 10) /* nothing behind it is reached */
/* How its name is read. */
#define CASE_COUNTS                                                                                \
	(1u << 11) /* in Postfix it is a class that is always there, and those have case */

typedef enum rule_result restriction_check_fn(struct rule_run *, const struct rule_op *);
/* Begin the look-ups that check will ask for, without waiting (host->dns_start()). */
typedef void restriction_prepare_fn(struct rule_run *, const struct rule_op *);
/* Make data for the item out of its argument (host->item_set_data()).  0, or -1: the finding has
 * been told. */
typedef int restriction_compile_fn(struct rule_compile *, struct rule_op *);

struct restriction_def {
	const char *name;         /* case does not count */
	const char *const *older; /* its names in Postfix 2, ended by NULL; or NULL */
	enum restriction_arg args;
	unsigned stages; /* AT_... */
	unsigned needs;  /* NEED_..., CAN_..., ... */
	int variant;     /* for rows that share a check: host->item_variant() */
	restriction_check_fn *check;
	restriction_prepare_fn *prepare; /* NULL: nothing to begin */
	restriction_compile_fn *compile; /* NULL: the argument is all there is */
	const char *on_failure; /* the family whose NAME_on_failure holds; NULL: as Postfix.  A
				   plugin's rows: NULL, the family is the plugin's name */
	const char *text; /* what it does, for filterd_restrictions(5) and `filterctl types` */
	const char *scan; /* the scan of the plugin that it asks; NULL: it works in the door's
			     thread alone */
};

/* --- parameters --- */

enum filterd_param_type {
	FILTERD_TEXT, /* $name is expanded */
	FILTERD_BOOL, /* yes, no */
	FILTERD_INT,
	FILTERD_TIME, /* milliseconds; without a suffix the unit of the default */
	FILTERD_SIZE, /* octets; suffixes k m g */
	FILTERD_ENUM, /* one of the words in `min`; its value is the word's index */
};

/* A row; the parameter's name in filterd.cf is as it stands here.  It begins with the plugin's name
 * and "_" or with that of the program the plugin talks to (clamd_socket), and must be nobody
 * else's: load refuses a name of filterd, of Postfix or of another plugin.  Every plugin with
 * restrictions has PLUGIN_on_failure besides. */
struct filterd_param {
	const char *name; /* NULL: the end */
	enum filterd_param_type type;
	const char *def;
	const char *min; /* or NULL; ENUM: the words, with blanks between */
	const char *max; /* or NULL */
	const char *text;
};

/* Its value; as many and in the order of the rows. */
struct filterd_value {
	const char *text; /* FILTERD_TEXT; of others as written */
	int64_t number;
};

/* --- facts, counters --- */

/* A fact is subject=value[:detail].  Only what stands in a plugin's rows can be set. */
struct filterd_fact {
	const char *subject; /* NULL: the end */
	const char *value;   /* NULL: any, as in virus=NAME */
	const char *text;    /* what it means */
};

struct filterd_counter {
	const char *name; /* NULL: the end; begins with the plugin's name and "_" */
	const char *text;
};

/* --- table types --- */

/* What a table answers with; arena memory of the question (host->table_answer()). */
struct filterd_table_answer;

struct filterd_table_type {
	const char *type; /* NULL: the end.  "sqlite" of sqlite:/etc/x */
	const char *text;
	int is_remote; /* asks somebody else: it may be slow, and never keeps a configuration from
			  being loaded because that one is away */
	/* Make what `get` needs of the text behind the colon.  0, or -1 and why.  The plugin's own
	 * open() need not have been called: filterctl query opens a table alone.  One that
	 * is_remote is opened again and again until it is there, and must not take long. */
	int (*open)(
	    const struct filterd_host *, const char *name, void **table, char *why, size_t size);
	/* 1: found and answered; 0: there is none; -1: it could not be found out, and why.  Any
	 * number of threads at a time; if it is_remote between wait_begin() and wait_end(). */
	int (*get)(void *table, struct filterd_octets key, struct filterd_table_answer *, char *why,
	    size_t size);
	void (*close)(void *table);
};

/* --- scans: in a scanner process --- */

/* What a scan was given; all of it read-only. */
struct filterd_message {
	struct filterd_octets octets; /* one line "Received: ...", then the message as it is */
	size_t lead;                  /* octets of that first line */
	int fd;                       /* the same, to be read or mapped: a sealed file */
	const char *folder; /* the scanner's own, for temporary files; empty at the start */
	int64_t time_left_ms;
};

/* A part of the message, decoded; it lives as long as what it was asked of.  Multiparts and
 * attached messages are not parts, but what they consist of. */
struct filterd_part {
	const char *type; /* "text/plain", in lower case */
	const char *name; /* of the file, or "" */
	struct filterd_octets raw, decoded;
	int whole; /* 0: a limit was reached, and decoded is the beginning */
	int odd;   /* mail readers may differ on it: its encoding has mistakes, or there are several
		    * of them, or it is in a multipart or message that is itself encoded */
};

struct filterd_scan {
	const char *name; /* NULL: the end.  Unique in the plugin */
	unsigned needs;   /* NEED_DNS and NEED_TABLES are refused at load: there are none */
	/* Tell what is found (host->say_...).  0, or -1: it could not be done, told with
	 * say_failed(). */
	int (*run)(void *engine, const struct filterd_message *, struct filterd_work *,
	    struct filterd_say *);
	const char *text;
};

/* What came back: told before it is looked at in the trace, and its facts are set. */
struct filterd_scan_answer {
	const char *const *keys; /* as said, in order */
	size_t nkeys;
	const char *failed; /* why it could not be done; NULL: it was */
};

/* --- the host --- */

enum filterd_level { FILTERD_ERROR, FILTERD_WARN, FILTERD_INFO, FILTERD_DEBUG };

enum filterd_about { /* texts about the transaction; NULL: not known, or not yet */
	FILTERD_CLIENT_ADDRESS,
	FILTERD_CLIENT_NAME, /* "unknown" included */
	FILTERD_REVERSE_CLIENT_NAME,
	FILTERD_HELO,
	FILTERD_SENDER, /* "" is the null sender */
	FILTERD_RECIPIENT,
	FILTERD_SASL_USERNAME,
	FILTERD_PROTOCOL, /* "ESMTP", "LMTP", ... */
	FILTERD_QUEUE_ID, /* the client's */
	FILTERD_DECISION_ID,
	FILTERD_LISTENER,
};

enum filterd_dns_type {
	FILTERD_A = 1,
	FILTERD_PTR = 12,
	FILTERD_MX = 15,
	FILTERD_TXT = 16,
	FILTERD_AAAA = 28
};
enum filterd_dns_outcome {
	FILTERD_DNS_FOUND,
	FILTERD_DNS_NONE,   /* no such name, or nothing of this type */
	FILTERD_DNS_FAILED, /* could not be found out: never the same as none */
};
struct filterd_dns {
	size_t n;
	const char *const *text; /* A, AAAA: the address; PTR, MX: the name; TXT: the strings
				    joined */
	const int *preference;   /* MX */
	int64_t ttl_s;
};

struct filterd_hit {
	const char *value;
	const char *file; /* or NULL */
	int line;
};

/* Keys with the same number, rising, are of one thing: a row that has answered for it does not do
 * so again. */
struct filterd_key {
	const char *text;
	size_t thing;
};

/* Newer hosts have more at the end: `size` says how much is there.  The host that open() is given
 * lives as long as the process; scan_open() is given another one. */
struct filterd_host {
	uint32_t abi, size;

	/* Any time.  The plugin's name is put in front. */
	void (*log)(const struct filterd_host *, enum filterd_level, const char *fmt, ...)
	    FILTERD_PRINTF(3, 4);
	/* Counters of the plugin's rows. */
	void (*count)(const struct filterd_host *, const char *name, uint64_t n);

	/* --- an item --- */
	const char *(*item_arg)(const struct rule_op *); /* NULL: none */
	int64_t (*item_number)(const struct rule_op *);
	int (*item_variant)(const struct rule_op *);
	void *(*item_data)(const struct rule_op *);
	/* while it is compiled */
	void (*item_set_data)(struct rule_op *, void *);
	void *(*compile_alloc)(struct rule_compile *, size_t); /* cleared; lives with the rules */
	void (*compile_error)(struct rule_compile *, const char *fmt, ...) FILTERD_PRINTF(2, 3);
	void (*compile_warning)(struct rule_compile *, const char *fmt, ...) FILTERD_PRINTF(2, 3);

	/* --- a check --- */
	void *(*state)(const struct rule_run *); /* what open() made */
	const char *(*about)(struct rule_run *, enum filterd_about);
	/* Its answer is wanted by then; a check that cannot keep to it says failed(). */
	int64_t (*time_left_ms)(const struct rule_run *);
	void *(*alloc)(struct rule_run *, size_t); /* cleared; lives with the transaction */
	/* The same memory for every check of this plugin in this transaction, by name: cleared when
	 * first asked for. */
	void *(*keep)(struct rule_run *, const char *name, size_t size);
	/* Around a call that waits for somebody else or computes for long. */
	void (*wait_begin)(void);
	void (*wait_end)(void);
	/* 1: somebody wants to know what would be decided and nothing may be done or asked outside
	 * (filterctl explain); `what` is noted, and the check answers RULE_DUNNO. */
	int (*look_only)(struct rule_run *, const char *what);

	/* The message, from its first header field on; NULL before it has come.  It lives as long
	 * as the transaction. */
	struct filterd_octets (*message)(struct rule_run *);
	/* The line "Received: ..." with its CRLF, made of what is known of the client: what
	 * scanners are to see in front of the message. */
	struct filterd_octets (*received_line)(struct rule_run *);

	/* The parts of it on which mail readers may differ (filterd_part.odd), for who has somebody
	 * read the message in his own way; as part() tells them. */
	int (*odd_part)(struct rule_run *, size_t i, struct filterd_part *);

	void (*dns_start)(struct rule_run *, const char *name, enum filterd_dns_type);
	enum filterd_dns_outcome (*dns)(
	    struct rule_run *, const char *name, enum filterd_dns_type, struct filterd_dns *);

	/* The table of an ARG_TABLE item: 1, 0, or -1: it could not be found out, and the check
	 * answers table_failed(). */
	int (*lookup)(
	    struct rule_run *, const struct rule_op *, const char *key, struct filterd_hit *);
	enum rule_result (*table_failed)(struct rule_run *);
	/* What the row says: any result of access(5).  A refusal is "CODE ENHANCED TEXT". */
	enum rule_result (*apply)(struct rule_run *, const struct filterd_hit *);

	/* detail NULL: none. */
	void (*fact)(struct rule_run *, const char *subject, const char *value, const char *detail);
	/* "CODE ENHANCED TEXT"; under warn_if_reject it is logged, and RULE_DUNNO is the answer. */
	enum rule_result (*refuse)(struct rule_run *, int code, const char *enhanced,
	    const char *fmt, ...) FILTERD_PRINTF(4, 5);
	void (*hold)(struct rule_run *, const char *reason);
	void (*tag)(struct rule_run *, const char *text);
	void (*prepend)(struct rule_run *, const char *field); /* "Name: value" */
	/* The check could not be made: PLUGIN_on_failure, or the item's own on_failure, says what
	 * comes of it.  To be answered as it is. */
	enum rule_result (*failed)(struct rule_run *, const char *fmt, ...) FILTERD_PRINTF(2, 3);

	/* Have the item's scan done, once a transaction however many ask.  NULL: it could not be
	 * asked or did not answer; failed() has been said already, and *answer is what the check
	 * answers. */
	const struct filterd_scan_answer *(*scan)(
	    struct rule_run *, const struct rule_op *, enum rule_result *answer);

	/* --- a scan --- */
	/* The parts of the message.  1; 0: there is none with this number; -1: nor is there, but a
	 * limit may be the reason. */
	int (*part)(struct filterd_work *, size_t i, struct filterd_part *);
	void (*say_fact)(
	    struct filterd_say *, const char *subject, const char *value, const char *detail);
	void (*say_key)(struct filterd_say *, const char *key);
	void (*say_count)(struct filterd_say *, const char *counter, uint64_t n);
	void (*say_failed)(struct filterd_say *, const char *fmt, ...) FILTERD_PRINTF(2, 3);

	/* --- a table --- */
	void (*table_answer)(struct filterd_table_answer *, struct filterd_octets value);

	/* --- more of a scan --- */
	/* Every name under which some mail reader may save the part, decoded and else as it is, and
	 * every type that it is declared to have.  1; 0: there is none with this number; -1: nor is
	 * there, but there were more than are kept. */
	int (*part_name)(struct filterd_work *, size_t i, size_t n, struct filterd_octets *name);
	int (*part_type)(struct filterd_work *, size_t i, size_t n, const char **type);
	/* A message that was found inside: its parts are those of the work that is returned, which
	 * is to be closed before the octets go. */
	struct filterd_work *(*work_open)(struct filterd_work *, struct filterd_octets message);
	void (*work_close)(struct filterd_work *);

	/* --- more of a check --- */
	/* Ask the table of an ARG_TABLE item about one key after the other, and do what its rows
	 * say as check_body and its kin do: an effect and the next key; OK, a refusal or DISCARD
	 * ends it; a class is evaluated once.  The keys of a restriction are the same for the whole
	 * transaction, live as long, and are asked about once. */
	enum rule_result (*check_keys)(
	    struct rule_run *, const struct rule_op *, const struct filterd_key *, size_t nkeys);
	/* What such a restriction has for `compile`: the rows of its table are looked at. */
	int (*compile_keys)(struct rule_compile *, struct rule_op *);
};

/* --- the plugin --- */

struct filterd_plugin {
	uint32_t abi;     /* FILTERD_PLUGIN_ABI */
	uint32_t size;    /* sizeof(struct filterd_plugin) */
	const char *name; /* as in `plugins`, and of the file: NAME.so */
	const char *version;
	const char *manual; /* "filterd_clamav(5)", or NULL */
	const char *text;   /* what it is for */
	/* Each ends with a row whose name is NULL; NULL: none. */
	const struct filterd_param *params;
	const struct restriction_def *restrictions;
	const struct filterd_scan *scans;
	const struct filterd_table_type *tables;
	const struct filterd_fact *facts;
	const struct filterd_counter *counters;

	/* In a process that decides, for each configuration: *state is what host->state() gives. 0,
	 * or -1 and why: the configuration is refused.  NULL: nothing to be made.  The values live
	 * until close(). */
	int (*open)(const struct filterd_host *, const struct filterd_value *, void **state,
	    char *why, size_t size);
	void (*close)(void *state);

	/* In the process that scanners are forked from, before they are confined: *engine is what
	 * scans are given.  0, or -1 and why: scans fail with this reason, or the engine before
	 * this one stays.  *engine NULL: no scanner is needed with these values. */
	int (*scan_open)(const struct filterd_host *, const struct filterd_value *, void **engine,
	    char *why, size_t size);
	void (*scan_close)(void *engine);
	/* Asked once a second in that process: 1: what was loaded has changed, and scanners with a
	 * new engine are to take over.  After a scan_open() that failed engine is NULL, and it is
	 * asked with the values.  NULL: never. */
	int (*scan_changed)(void *engine, const struct filterd_value *);
	/* In each scanner, after the fork and before it is confined: descriptors to be opened,
	 * seeds to be drawn, its folder to be told of.  0, or -1 and why.  NULL: nothing to do. */
	int (*scan_begin)(void *engine, const char *folder, char *why, size_t size);
	/* What is loaded, for `filterctl status`: "signatures=100000 version=27000". */
	void (*scan_describe)(void *engine, char *out, size_t size);
};

/* The symbol. */
extern const struct filterd_plugin filterd_plugin;

#endif
