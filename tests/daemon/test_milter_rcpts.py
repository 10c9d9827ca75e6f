"""Recipients who are taken out of the envelope, however a client may write them: an MTA compares
what it is told with what it has."""
import pytest

from mta_chain import KINDS
from test_milter_mta import MESSAGE, MILTER

GOOD = "good@example.test"
ODD = ['bad@example.test', '"bad"@example.test', '"bad one"@example.test', '"b\\ad"@example.test',
       '@relay.example:bad@example.test', 'bad@EXAMPLE.test', 'BAD@example.test', 'bad@example.test.',
       'bad+more@example.test', 'bad%example.test@example.test', '"bad@there"@example.test', 'bad@[192.0.2.1]',
       "bad'x@example.test", 'bad"x"@example.test', 'bad']


@pytest.mark.parametrize("kind", KINDS)
def test_taken_out_however_written(filterd, hop, chain, kind):
    f = filterd(listeners=MILTER, files={"who": "/^good@/ OK\n/./ DISCARD\n"},
                content_restrictions="check_recipient_access regexp:{dir}/who")
    c = chain(kind, f, hop)
    asked = 0
    for odd in ODD:
        before = len(hop.messages)
        with c.client() as s:
            s.mail("a@example.test")
            assert s.rcpt(GOOD).code == 250
            reply = s.rcpt(odd)
            if reply.code != 250:           # the MTA's own opinion of it
                continue
            asked += 1
            assert c.taken(s.data(MESSAGE)[0]), odd
        hop.wait(before + 1)
        c.settle()
        assert [m.recipients for m in hop.messages[before:]] == [[GOOD]], odd
    assert asked >= 8
