#!/bin/sh
# Makes the packages of src anew, the same bytes each time. They stand for what a real project gets from a registry.
set -eu
cd "$(dirname "$0")"
export SOURCE_DATE_EPOCH=0
for source in src/*; do
	dpkg-deb --root-owner-group -Zgzip --build "$source" "$(basename "$source").deb"
done
