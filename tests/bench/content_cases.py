"""What `make bench-content` measures, and what must come out: the bounds."""

# check_body on a body of so many octets, with tables of so many patterns: at most so many times the CPU of bare
# Vectorscan and PCRE2 on the same lines.
BODY = 50000
PATTERNS = (10, 100, 1000, 10000)
CHECK_BODY = 1.5
BODY_MESSAGES = 50

# Postfix's own loop over the same body and table takes at least so many times as much.
POSTFIX_PATTERNS = 1000
POSTFIX = 50
POSTFIX_BODIES = 3

# A whole message of the mixed corpus through the LMTP door: CPU with the larger number of patterns, both in
# header_checks and in body_checks, and as check_header and check_body, against that with the smaller.
DOOR_PATTERNS = (10, 10000)
DOOR = 1.7
DOOR_MESSAGES = 2000
DOOR_SESSIONS = 4
DOORS = {
    "header_checks, body_checks": {"header_checks": "pcre:{header}", "body_checks": "pcre:{body}"},
    "check_header, check_body": {"content_restrictions": "check_header pcre:{header}, check_body pcre:{body}"},
}
