#!/bin/sh
# cpp/example/hello.cpp makes a cluster in a fresh folder and reads back what it wrote.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
out=$("$1" "$dir/node")
expected='1 hello
2 world
2 rows'
if [ "$out" != "$expected" ]; then
    printf 'hello printed:\n%s\n' "$out" >&2
    exit 1
fi
