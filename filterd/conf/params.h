/*
 * params - every parameter, once
 *
 * A line of params.def makes the field here, the parser row, the range check, `filterctl config`
 *and the manual page's text: P(KIND, name, default, min, max, flags, text) Defaults are text and go
 *through the parser.  min and max are text or NULL.  For ENUM, min holds the allowed words
 *separated by blanks and the field is the word's index.
 */
#ifndef CONF_PARAMS_H
#define CONF_PARAMS_H

#include <stdint.h>

#define PF_RELOAD   (1u << 0)
#define PF_RESTART  (1u << 1)
#define PF_OURS     (1u << 2)
#define PF_LISTENER (1u << 3) /* PF_RESTART, but a listener may set it for itself */
#define PF_GLOBAL   (1u << 4) /* PF_RELOAD, but the whole daemon has one value */
#define PF_NAMED                                                                                   \
	(1u << 5) /* in role after_queue the file's value is not taken, only the listener's */
#define PF_CODE (1u << 6) /* a reply code; Postfix takes any number */
#define PF_PASS (1u << 7) /* with PF_CODE: 2xx is one too, and lets pass */

typedef const char *param_STR; /* any text, $name expanded */
typedef const char *
    param_RAW; /* text in which $name is expanded later, by the user of the value (reply footers) */
typedef const char *param_LIST; /* text: a list, checked by who uses it */
typedef int param_BOOL;
typedef int64_t param_INT;
typedef int64_t
    param_TIME; /* milliseconds; the parameter's own default unit is the unit of its default */
typedef int64_t param_SIZE; /* octets; suffixes k m g */
typedef int param_ENUM;

struct params {
#define P(kind, name, def, min, max, flags, text) param_##kind name;
#include "conf/params.def"
#undef P
};

#endif
