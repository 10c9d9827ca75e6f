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

# As many recipients, each with a class that has the same checks in an order of its own: the engine's CPU, in times of
# that for the first of them alone.
RECIPIENTS = 100
RECIPIENTS_RATIO = 2
RECIPIENT_PATTERNS = 100
RECIPIENT_TIMES = 2
RECIPIENT_CHECKS = (
    "check_header pcre:{header}",
    "check_body pcre:{body}",
    "check_decoded_header pcre:{header}",
    "check_text pcre:{body}",
    "check_url_host inline:{{{{ nowhere.example = SCORE 3 }}}}",
)

# Taking multiparts apart: CPU, in times of GMime's.
MIME = 0.5
MIME_OCTETS = 65536
MIME_MESSAGES = 20
MIME_TIMES = 50

# check_text of a message that is HTML, with a small table: CPU, in times of one memchr() a line of it.
TEXT = 15
TEXT_OCTETS = 65536
TEXT_MESSAGES = 10
TEXT_TIMES = 20
TEXT_PATTERNS = 10
