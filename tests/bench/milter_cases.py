"""What `make bench-milter` measures, and what must come out: the bounds."""
import collections

# A way of bringing messages.  messages: at the noop's pace, about a second's worth.
Case = collections.namedtuple("Case", "name text octets per_connection messages idle")

CASES = [
    Case(f"{size}-{each}-{idle}", f"{kb} KB, {each} a connection, {idle} idle",
         octets, each, messages, idle)
    for idle in (0, 2000)
    for size, kb, octets, per_second in (("4k", 4, 4096, 3000), ("50k", 50, 50000, 2000))
    for each, messages in ((1, per_second * 2 // 3), (20, per_second))
]

# Connections at one time.
SESSIONS = 10

# filterd's CPU a message against that of the no-op filter, without checks.
CPU = .5

# So many ends of message at one time, with a check that takes so long: the last answer.
ENDS = 20
BLOCKS_S = 2
ENDS_MS = 2500

# Behind a Postfix, against the no-op filter: throughput at least, Postfix's own CPU a message at most.
POSTFIX_THROUGHPUT = 1.0
POSTFIX_CPU = .9
# source: smtp-source, whose messages have 4 header fields; send: bench_send, with 15.  What a filter
# can save Postfix is an answer to each step and field, so with the former it is least.
PostfixCase = collections.namedtuple("PostfixCase", "name text program options messages")
POSTFIX = [
    PostfixCase("send-kept", "15 fields, connections kept", "send", ["-d"], 1500),
    PostfixCase("send-one", "15 fields, one message a connection", "send", [], 1000),
    PostfixCase("source-kept", "smtp-source, connections kept", "source", ["-d"], 2500),
    PostfixCase("source-one", "smtp-source, one message a connection", "source", [], 2000),
]
POSTFIX_SESSIONS = 10
POSTFIX_OCTETS = 4096
POSTFIX_MESSAGE = """\
Received: from desk.example.org (desk.example.org [192.0.2.8])
	by mx.example.org (Postfix) with ESMTPSA id 9F1A2803B7;
	Mon, 1 Jan 2024 00:00:00 +0000 (UTC)
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=m;
	t=1704067200; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
	h=From:To:Subject:Date; b=c2lnbmVkLCBzZWFsZWQgYW5kIGRlbGl2ZXJlZA==
From: A Sender <sender@example.org>
To: A Recipient <r0@example.net>
Reply-To: sender@example.org
Date: Mon, 1 Jan 2024 00:00:00 +0000
Message-Id: <20240101000000.9F1A2803B7@example.org>
References: <20231231000000.1A2803B79F@example.net>
In-Reply-To: <20231231000000.1A2803B79F@example.net>
Subject: benchmark
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit
List-Unsubscribe: <mailto:leave@example.org>
X-Mailer: bench

"""

MB = 1 << 20
IDLE_CONNECTIONS = 10000
IDLE_MEMORY = 60 * MB
