"""Both engines of the milter door, native and libmilter, are told the same and say the same.

FILTERD_SEED chooses the random conversations, FILTERD_SESSIONS says how many; 2,000 by default.  Left
out, because libmilter cannot do it, is (front/libmilter_door.h says more):

- QUIT_NC elsewhere than behind a message that was taken, and what is out of order anywhere: the
  library passes it over in silence, and the MTA would wait for ever;
- an unknown command behind RCPT where the MTA knows no DATA: header fields behind it are passed over;
- a piece of the body in the packet that ends the message: the end itself is then passed over;
- an offer of no actions or no steps, which the library takes for the first version's;
- macros that come with one event and not with the next of its kind: the library keeps the old ones;
- header fields above 64 KB, which break the connection.

And made alike before it is compared: an end of headers that the native engine asks not to be sent is
asked by libmilter not to be answered, as its table of states needs it; and SKIP is as good as to go
on, for where the MTA has no steps without answers the library plays them, and says CONTINUE.
"""
import concurrent.futures
import os
import random

import pytest

import milter_random

SESSIONS = int(os.environ.get("FILTERD_SESSIONS", 2000))
AT_ONCE = 8


@pytest.fixture(scope="module")
def seed():
    n = int(os.environ.get("FILTERD_SEED", random.SystemRandom().randrange(10 ** 6)))
    print(f"FILTERD_SEED={n}")
    return n


def both(filterd, scenario):
    f = filterd(listeners={"native": "milter:unix", "lib": "milter:unix, milter_engine = libmilter"},
                   files=milter_random.FILES, **milter_random.SCENARIOS[scenario])
    # What does nothing where a list stands is warned of, by either engine.
    return f.expect("is not possible behind the message").expect("this does nothing in client and HELO")


def differs(f, title, conversation):
    """How, or None."""
    lib, native = (milter_random.hold(f.address(name), conversation) for name in ("lib", "native"))
    if lib == native:
        return None
    return "{}\n  {}\n  libmilter:\n    {}\n  native:\n    {}".format(
        title, "\n  ".join(map(str, conversation.steps)), "\n    ".join(lib), "\n    ".join(native))


@pytest.mark.parametrize("scenario", milter_random.SCENARIOS)
def test_random(filterd, seed, scenario):
    f = both(filterd, scenario)
    n = -(-SESSIONS // len(milter_random.SCENARIOS))
    drawn = milter_random.conversations(seed, scenario, n)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [w for w in pool.map(lambda i: differs(f, f"number {i} of {scenario}", drawn[i]), range(n)) if w]
    assert not wrong, f"FILTERD_SEED={seed}: {len(wrong)} of {n} differ:\n{wrong[0]}"


@pytest.mark.parametrize("scenario", milter_random.SCENARIOS)
def test_recorded(filterd, scenario):
    f = both(filterd, scenario)
    known = milter_random.recorded()
    assert len(known) > 20
    wrong = [w for c in known if (w := differs(f, c.title, c))]
    assert not wrong, f"{len(wrong)} of {len(known)} differ:\n{wrong[0]}"


def test_there_is_much_to_say(filterd):
    """The conversations draw every kind of answer and change."""
    said = ""
    for scenario in ("split", "defer"):
        f = both(filterd, scenario)
        said += "\n".join(line for c in milter_random.conversations(1, scenario, 200)
                          for line in milter_random.hold(f.address("lib"), c))
    for kind in ("insheader", "chgheader", "replbody", "addrcpt", "delrcpt", "quarantine"):
        assert f"('{kind}'" in said
    for word in ("end: discard", "end: 550-5.7.1", "end: 451-4.3.0", "\n451 4.3.0 or call", "again", "b=100%"):
        assert word in said, word
