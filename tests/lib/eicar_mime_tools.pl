#!/usr/bin/perl
# EICAR, or whatever is read from the input, in messages that perl's MIME::Tools makes: "NAME LENGTH", a line end,
# and the message, one behind the other.
use strict;
use warnings;
use MIME::Entity;

binmode STDIN;
binmode STDOUT;
my $eicar = do { local $/; <STDIN> };
my $file = $ARGV[0] // 'application/octet-stream';	# the type of what holds it

sub say_case {
	my ($name, $entity) = @_;
	my $text = $entity->as_string;
	print $name, ' ', length($text), "\n", $text;
}

my @head = (
	From    => 'someone@sender.example',
	To      => 'user@here.example',
	Subject => 'the test file',
	Date    => 'Sat, 21 Nov 2026 10:00:00 +0000',
);

sub top {
	my %how = @_;
	return MIME::Entity->build(@head, Type => 'multipart/mixed', %how);
}

# The file in each encoding that there is, alone and attached.
for my $encoding (qw(7bit 8bit binary base64 quoted-printable x-uu)) {
	my $data = $encoding eq 'binary' ? $eicar : "$eicar\n";
	say_case("alone-$encoding", MIME::Entity->build(@head, Type => $file,
	    Encoding => $encoding, Filename => 'eicar.com', Data => $data));
	my $top = top();
	$top->attach(Data => "See the file.\n");
	$top->attach(Type => $file, Encoding => $encoding,
	    Filename => 'eicar.com', Disposition => 'attachment', Data => $data);
	say_case("attached-$encoding", $top);
}

# As something else than it is.
for my $type (qw(text/plain text/html image/jpeg application/msword message/external-body)) {
	my $top = top();
	$top->attach(Type => $type =~ /^m/ ? $file : $type,
	    Encoding => 'base64', Filename => 'harmless', Data => $eicar);
	$top->parts(0)->head->replace('Content-Type', $type);
	my $name = $type;
	$name =~ tr,/,-,;
	say_case("as-$name", $top);
}

# An odd boundary.
for my $boundary ("a b c", "'()+_,-./:=?", 'x' x 70, '=_x', '0') {
	my $top = top(Boundary => $boundary);
	$top->attach(Encoding => 'base64', Type => $file, Data => $eicar);
	(my $name = "boundary-" . substr($boundary, 0, 3)) =~ s/[^-\w]/-/g;
	say_case($name, $top);
}

# In a message within a message, and with text around the parts.
{
	my $inner = top();
	$inner->attach(Encoding => 'base64', Type => $file, Data => $eicar);
	my $outer = top();
	$outer->attach(Type => 'message/rfc822', Encoding => '8bit', Data => $inner->as_string);
	say_case('message', $outer);
	my $third = top();
	$third->attach(Type => 'message/rfc822', Encoding => '7bit', Data => $outer->as_string);
	say_case('message-in-message', $third);
	$inner->preamble(["A preamble of some length.\n"]);
	$inner->epilogue(["An epilogue.\n"]);
	say_case('preamble', $inner);
}

# Hidden among many.
{
	my $top = top();
	$top->attach(Data => "Number $_\n") for 1 .. 100;
	$top->attach(Encoding => 'base64', Type => $file, Data => $eicar);
	$top->attach(Data => "Number $_\n") for 101 .. 200;
	say_case('among-200', $top);
}
