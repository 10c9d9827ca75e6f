-- Runs SCRIPT, for miltertest says nothing of an error.
local good, wrong = pcall(dofile, HERE .. "/" .. SCRIPT .. ".lua")
if not good then
	mt.echo(tostring(wrong))
	error(wrong)
end
