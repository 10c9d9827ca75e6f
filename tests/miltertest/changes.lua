-- Each change at the end of a message.
dofile(HERE .. "/common.lua")

function one(fields, body, recipients)
	message(conn, nil, recipients)
	content(conn, fields, body or "body\r\n")
end

conn = open(6, 511, SMFIP_HDR_LEADSPC)
sent(conn, mt.conninfo(conn, "client.example", "192.0.2.1"), SMFIR_CONTINUE, "conninfo")
sent(conn, mt.helo(conn, "client.example"), SMFIR_CONTINUE, "helo")

one({ { "From", " a@example.test" }, { "X-Replace", " 1" } })
is(mt.eom_check(conn, MT_HDRCHANGE, "X-Replace", " other"), "REPLACE")
is(not mt.eom_check(conn, MT_BODYCHANGE) and not mt.eom_check(conn, MT_HDRDELETE), "and nothing else")

one({ { "From", " a@example.test" }, { "X-Ignore", " 1" } })
is(mt.eom_check(conn, MT_HDRDELETE, "X-Ignore"), "IGNORE")
is(not mt.eom_check(conn, MT_HDRINSERT) and not mt.eom_check(conn, MT_HDRADD), "and nothing else")

one({ { "X-Prepend", " 1" }, { "From", " a@example.test" } })
is(mt.eom_check(conn, MT_HDRINSERT, "X-New", " n"), "PREPEND")
is(mt.getheader(conn, "X-New", 0) == " n", "its value: " .. tostring(mt.getheader(conn, "X-New", 0)))

one({ { "From", " a@example.test" } }, "first\r\nlast\r\n")
is(mt.eom_check(conn, MT_BODYCHANGE, "premier\r\nlast\r\n"), "the body")
is(not mt.eom_check(conn, MT_HDRCHANGE) and not mt.eom_check(conn, MT_HDRINSERT), "and nothing else")

one({ { "X-Bcc", " 1" } })
is(mt.eom_check(conn, MT_RCPTADD, "<z@example.test>"), "BCC")
is(not mt.eom_check(conn, MT_RCPTDELETE, "<b@example.test>"), "and nothing else")

one({ { "X-Redirect", " 1" } }, nil, { "<b@example.test>", "<c@example.test>" })
is(mt.eom_check(conn, MT_RCPTADD, "<other@example.test>"), "REDIRECT")
is(mt.eom_check(conn, MT_RCPTDELETE, "<b@example.test>") and mt.eom_check(conn, MT_RCPTDELETE, "<c@example.test>"),
	"and the others are gone")

one({ { "X-Hold", " 1" } })
is(mt.eom_check(conn, MT_QUARANTINE), "HOLD")

-- Is a change among those of this message?  (MT_HDRCHANGE is true of a deletion too.)
function any()
	for _, c in ipairs({ MT_HDRCHANGE, MT_HDRINSERT, MT_HDRADD, MT_HDRDELETE, MT_BODYCHANGE, MT_QUARANTINE }) do
		if mt.eom_check(conn, c) then
			return true
		end
	end
	for _, path in ipairs({ "<z@example.test>", "<other@example.test>" }) do
		if mt.eom_check(conn, MT_RCPTADD, path) then
			return true
		end
	end
	return mt.eom_check(conn, MT_RCPTDELETE, "<b@example.test>")
end

one({ { "X-Nothing", " 1" } })
is(not any(), "a change is left over")
mt.disconnect(conn)

-- An action that was not granted is not done by half: the plan's substitute, or a temporary failure.
without = {
	{ SMFIF_CHGHDRS, "X-Replace", SMFIR_REPLYCODE }, { SMFIF_CHGHDRS, "X-Ignore", SMFIR_REPLYCODE },
	{ SMFIF_ADDHDRS, "X-Prepend", SMFIR_REPLYCODE }, { SMFIF_ADDRCPT, "X-Bcc", SMFIR_REPLYCODE },
	{ SMFIF_DELRCPT, "X-Redirect", SMFIR_REPLYCODE }, { SMFIF_QUARANTINE, "X-Hold", SMFIR_DISCARD },
}
for _, w in ipairs(without) do
	conn = open(6, 511 - w[1], SMFIP_HDR_LEADSPC)
	envelope(conn)
	content(conn, { { w[2], " 1" } }, "body\r\n", w[3])
	is(not any(), w[2] .. ": a change in spite of all")
	mt.disconnect(conn)
end
conn = open(6, 511 - SMFIF_CHGBODY, SMFIP_HDR_LEADSPC)
envelope(conn)
content(conn, plain, "first\r\n", SMFIR_REPLYCODE)
is(not any(), "a change in spite of all")
mt.disconnect(conn)
