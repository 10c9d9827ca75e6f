-- Every version, every action, every step: what is granted is what both know.
dofile(HERE .. "/common.lua")

actions = { SMFIF_ADDHDRS, SMFIF_CHGBODY, SMFIF_ADDRCPT, SMFIF_DELRCPT, SMFIF_CHGHDRS, SMFIF_QUARANTINE,
	SMFIF_CHGFROM, SMFIF_ADDRCPT_PAR, SMFIF_SETSYMLIST }
steps = { SMFIP_NOCONNECT, SMFIP_NOHELO, SMFIP_NOMAIL, SMFIP_NORCPT, SMFIP_NOBODY, SMFIP_NOHDRS, SMFIP_NOEOH,
	SMFIP_NR_HDR, SMFIP_NOUNKNOWN, SMFIP_NODATA, SMFIP_SKIP, SMFIP_RCPT_REJ, SMFIP_NR_CONN, SMFIP_NR_HELO,
	SMFIP_NR_MAIL, SMFIP_NR_RCPT, SMFIP_NR_DATA, SMFIP_NR_UNKN, SMFIP_NR_EOH, SMFIP_NR_BODY, SMFIP_HDR_LEADSPC,
	SMFIP_MDS_256K, SMFIP_MDS_1M }

for version = 2, 6 do
	conn = open(version)
	envelope(conn)
	content(conn, plain, "body\r\n")
	mt.disconnect(conn)
end

-- What is not offered is not asked for, one by one, and the session works without.
for i, left_out in ipairs(actions) do
	local offer = 511 - left_out
	conn = open(6, offer)
	is(not mt.test_action(conn, left_out), "action " .. left_out .. " was not offered")
	envelope(conn)
	content(conn, plain, "body\r\n")
	mt.disconnect(conn)
end
for i, step in ipairs(steps) do
	conn = open(6, 511, step)
	for j, other in ipairs(steps) do
		is(other == step or not mt.test_option(conn, other), "step " .. other .. " was not offered")
	end
	mt.disconnect(conn)
end
-- What is of use to a filter with these lists.
conn = open(6, 511, 0x1fffff)
is(mt.test_option(conn, SMFIP_HDR_LEADSPC), "leading space is wanted")
is(not mt.test_option(conn, SMFIP_NORCPT), "recipients are wanted")
is(not mt.test_option(conn, SMFIP_NR_RCPT), "refusals of recipients must be heard")
is(not mt.test_option(conn, SMFIP_NOHDRS), "the header is wanted")
is(mt.test_action(conn, SMFIF_CHGHDRS) and mt.test_action(conn, SMFIF_ADDHDRS), "the header may be changed")
mt.disconnect(conn)

-- No version in common: hung up on.
conn = mt.connect(SOCKET)
wrong = mt.negotiate(conn, 1, 0, 511)
is(wrong ~= nil, "version 1 is not spoken")
mt.disconnect(conn, false)
