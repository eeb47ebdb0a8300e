# Read by ./jbang when a record names an archive that is not there: makes it in the background, once.
# The work has a session of its own, so that a Ctrl-C, a closed terminal or an MCP client that ends does not cut it; a
# cut one leaves nothing that counts, because the archive is moved into place as a whole. Nothing of it is printed.
# shellcheck shell=sh disable=SC2154 # the variables of ./jbang

# shellcheck disable=SC2120
make_archive() { # for the command in archived
  folder=${archive%/*}
  mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] || return 0
  if [ -d "$folder/lock" ]; then
    kill -0 "$(cat "$folder/lock/pid" 2>/dev/null || echo none)" 2>/dev/null && return 0
    rm -rf "$folder/lock"
  fi
  mkdir "$folder/lock" 2>/dev/null || return 0
  if command -v setsid >/dev/null 2>&1; then in_session=setsid; else in_session=; fi
  # shellcheck disable=SC2086
  eval "set -- $archived"
  (FLY_ARCHIVE_FILE=$archive $in_session nice -n 19 sh "$root/.jbang/make-archive.sh" "$@" &) </dev/null >/dev/null 2>&1 9>&-
}
# shellcheck disable=SC2119
make_archive
