# What both gates do with HAProxy. Read by them, not run.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/gate.conf"

die() { echo "$*" >&2; exit 1; }

# runtime COMMAND: gives one command to HAProxy and prints its answer. It ends with 7 when nobody
# listens at the socket: an HAProxy that does not run holds nobody, and will go by its file.
runtime() {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]);
		unless ($s) { my $code = $!{ECONNREFUSED} ? 7 : 1; print STDERR "connect to $ARGV[0]: $!\n"; exit $code }
		print $s "$ARGV[1]\n"; $s->flush; print while <$s>;' "$socket" "$1"
}

# change COMMAND: gives a command that answers nothing when it is obeyed, or what it has done.
change() {
	local said
	said=$(runtime "$1") || { [ $? = 7 ] && return; exit 1; }
	case $said in
	"" | "no need to change "* | "IP changed from "* | "port changed from "* | "nothing changed"*) ;;
	*) die "HAProxy refused: $1: $said" ;;
	esac
}

# column NAME, of a table whose heading begins with "#" and whose columns are apart by $1.
column() {
	awk -F"$1" -v want="$2" -v px="$3" -v sv="$4" '
		/^#/ { sub(/^# */, ""); for (i = 1; i <= NF; i++) at[$i] = i; next }
		want in at && $1 == px && $2 == sv { print $at[want]; exit }'
}

# statistic NAME PROXY LINE: one figure of "show stat".
statistic() { runtime "show stat" | column , "$1" "$2" "$3"; }

# points: the server that HAProxy sends new connections to, as host:port.
points() {
	runtime "show servers state $backend" | awk -v want="$server" '
		/^#/ { sub(/^# */, ""); for (i = 1; i <= NF; i++) at[$i] = i; next }
		"srv_port" in at && $at["srv_name"] == want { print $at["srv_addr"] ":" $at["srv_port"]; exit }'
}

# written: the same, as it stands in the file.
written() { awk -v want="$server" '$1 == "server" && $2 == want { print $3; exit }' "$file"; }

# repoint HOST PORT: the file first. It is the decision, whatever becomes of the rest.
repoint() {
	case $1 in
	*[!0-9a-fA-F.:]* | "") die "HAProxy takes the server's IP address here, not $1: write it so in lull.yaml" ;;
	esac
	awk -v want="$server" -v to="$1:$2" '
		$1 == "server" && $2 == want { sub($3, to) } { print }' "$file" >"$file.lull"
	chmod --reference="$file" "$file.lull" && chown --reference="$file" "$file.lull"
	sync "$file.lull"
	mv "$file.lull" "$file"
	[ "$(written)" = "$1:$2" ] || die "$file has no line for server $server"
	[ "$(points)" = "$1:$2" ] || change "set server $backend/$server addr $1 port $2"
}

# side ADDRESS: what Lull calls that server.
side() {
	case $1 in
	"$LULL_FROM_HOST:$LULL_FROM_PORT") echo source ;;
	"$LULL_TO_HOST:$LULL_TO_PORT") echo target ;;
	*) die "HAProxy is at $1, which is neither $LULL_FROM_HOST:$LULL_FROM_PORT nor $LULL_TO_HOST:$LULL_TO_PORT" ;;
	esac
}

# where HELD: held clients will go where the file says, others are where HAProxy says.
where() {
	local now side
	if [ "$1" = held ]; then
		now=$(written)
	else
		now=$(points) || { [ $? = 7 ] || exit 1; now=$(written); }
	fi
	side=$(side "$now")
	echo "$side $1"
}
