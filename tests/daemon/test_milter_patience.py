"""A real Postfix and a real Sendmail whose filter takes long, at RCPT and at the end of a message."""
import pytest

import postfix
import sendmail
import smtp
from conftest import cannot
from nexthop import NextHop

MESSAGE = b"From: a@example.test\r\nSubject: hello\r\n\r\nhow are you\r\n"


def started(kind, f, hop):
    why = (postfix if kind == "postfix" else sendmail).missing()
    if why:
        cannot(why)
    host, port = f.address("milter")
    if kind == "sendmail":
        return sendmail.Sendmail(hop, milters=[f"inet:{port}@{host}"])
    to = f"smtp:[127.0.0.1]:{hop.port}"
    return postfix.Postfix(main={
        "smtpd_milters": f"inet:{host}:{port}", "milter_default_action": "tempfail", "default_transport": to,
        "virtual_transport": to, "virtual_mailbox_maps": "static:x"})


@pytest.mark.parametrize("kind", ["postfix", "sendmail"])
def test_a_slow_check_is_waited_for(filterd, kind):
    f = filterd(listeners={"milter": "milter"}, milter_progress_interval="1s",
                smtpd_recipient_restrictions="sleep 3", smtpd_end_of_data_restrictions="sleep 3")
    with NextHop() as hop, started(kind, f, hop) as mta:
        with smtp.Client(mta.smtp) as c:
            c.hello()
            c.mail("a@example.test")
            assert c.rcpt("b@example.test").code == 250, mta.log()
            assert c.data(MESSAGE)[0].code == 250, mta.log()
        hop.wait(1)
