#!/usr/bin/env bash
# Debian packages that the tests and the demo need. Says what it does before it does it.
#
#   debian.sh install PACKAGE...      installs what is missing, without recommended packages
#   debian.sh unpack DIR PACKAGE...   unpacks into DIR: nothing is installed, no service starts
set -euo pipefail

say() { echo "packages: $*" >&2; }
installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

command -v apt-get >/dev/null || { say "no apt-get here; install by hand: $*"; exit 1; }

root=()
if [ "$(id -u)" != 0 ]; then
	root=(sudo)
fi

as_root() {
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		say "needs root: $*"
		exit 1
	fi
	DEBIAN_FRONTEND=noninteractive "${root[@]}" "$@" </dev/null
}

# with_lists runs a command, and once more with new package lists when it fails: old lists name files that are gone.
with_lists() {
	"$@" && return
	say "apt-get update, then again"
	as_root apt-get update -qq || say "some package lists could not be read"
	"$@"
}

install() {
	local missing=()
	for p in "$@"; do
		installed "$p" || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "apt-get install ${missing[*]}"
	with_lists as_root apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

unpack() {
	local dir=$1 missing=()
	shift
	mkdir -p "$dir/.unpacked"
	for p in "$@"; do
		[ -e "$dir/.unpacked/$p" ] || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "unpacking ${missing[*]} into $dir"
	debs=$(mktemp -d)
	trap 'rm -rf "$debs"' EXIT
	chmod 755 "$debs" # apt drops its privileges to download
	[ "$(id -u)" != 0 ] || chown _apt "$debs" 2>/dev/null || true
	(cd "$debs" && with_lists apt-get download -qq "${missing[@]}")
	for p in "${missing[@]}"; do
		dpkg-deb -x "$debs/$p"_*.deb "$dir"
		touch "$dir/.unpacked/$p"
	done
}

command=$1
shift
case $command in
install | unpack) "$command" "$@" ;;
*) say "unknown command $command"; exit 1 ;;
esac
