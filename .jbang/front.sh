# Read by resolve.sh: what ./jbang answers by itself, without Java.
# shellcheck shell=sh disable=SC2154 # the variables of ./jbang

# Our commands by group, in the catalog's order; a group is the folder that a script lies in.
commands() {
  awk -f "$root/.jbang/commands.awk" "$root/jbang-catalog.json"
}

# Columns of the terminal that stdout is; 0 if it is none, whose lines stay whole.
columns() {
  if [ -n "${FLY_FORCE_TTY:-}" ]; then size="0 $FLY_FORCE_TTY"
  elif [ -t 1 ]; then size=$(stty size 2>/dev/null </dev/tty) || size=
  else size=
  fi
  size=${size#* }
  case $size in '' | *[!0-9]* | ?) echo 0 ;; *) echo "$size" ;; esac
}

overview() {
  awk -v width="$(columns)" -f "$root/.jbang/fold.awk" <<END
Fly.io Machines, from Java: each step of the guide, and what surrounds it.

Usage: $0 COMMAND [ARGUMENTS], for example: $0 fly-quickstart

$(commands)

Each has --help and -q (ids only), those that call the API -n (print curl, send nothing) and -v (show requests).

  $0 --version                        the versions of this, JBang, Java and the API's description
  $0 completion bash|zsh|fish         print completion for your shell
  $0 install | uninstall [--dir DIR]  put the commands on your PATH, or remove them

For contributors: test, fmt, docs, bench. Anything else is JBang's: $0 run --help.
END
}

# Stated once: ours and the API description's in Version.java, JBang's in ./jbang.
versions() {
  stated() { sed -n "s/.* $1 = \"\(.*\)\";/\1/p" "$root/lib/fly/cli/Version.java"; }
  echo "fly-machines $(stated OURS)"
  echo "JBang $version"
  (find_jdk && "$java" -version 2>&1 | sed -n 's/.*(build \([^,)]*\)).*/Java \1/p' | head -n 1) 2>/dev/null ||
    echo "Java: none of version 17 or newer"
  echo "Machines API description of $(stated API)"
}

# No host is asked for a command that nobody knows; an alias of the reader's own catalogs is JBang's business.
unknown() { # the word
  folder=$PWD
  while :; do
    ! grep -qs "\"$1\": *{" "$folder/jbang-catalog.json" "$folder/.jbang/jbang-catalog.json" || return 0
    [ -n "$folder" ] || break
    folder=${folder%/*}
  done
  ! grep -qs "\"$1\": *{" "$JBANG_DIR/jbang-catalog.json" || return 0
  like=$(commands | awk -v word="$(printf %s "$1" | tr A-Z_ a-z-)" -f "$root/.jbang/like.awk")
  printf 'error: there is no command %s\n' "$1" >&2
  if [ -n "$like" ]; then
    printf '  why: it is neither a command of this repository nor one of JBang\n  try: %s %s\n' "$0" "$like" >&2
  else
    printf '  why: it is neither a command of this repository nor one of JBang\n  try: %s --help\n' "$0" >&2
  fi
  exit 2
}

completion() { # bash, zsh or fish
  case ${1-} in
    bash | zsh | fish) sed "s|@ROOT@|$(printf %s "$root" | sed 's/[&|\\]/\\&/g')|" "$root/.jbang/completion/$1" ;;
    *) usage "completion needs the name of a shell" "bash, zsh and fish are known" "eval \"\$($0 completion bash)\"" ;;
  esac
}

usage() { # what, why, try
  (die "$1" "$2" "$3") || exit 2
}

# A command on the PATH is a link to ./jbang, which sees by which name it was called.
install() {
  folder=$(target "$@")
  mkdir -p "$folder" || exit 1
  for name in $(names); do
    if [ -e "$folder/$name" ] && [ "$(readlink "$folder/$name")" != "$root/jbang" ]; then
      echo "$folder/$name is there already and is not ours; left alone." >&2
      continue
    fi
    ln -sf "$root/jbang" "$folder/$name" || exit 1
    echo "$folder/$name"
  done
  case :$PATH: in
    *":$folder:"*) ;;
    *) echo "They are not on your PATH yet: export PATH=\"$folder:\$PATH\"" >&2 ;;
  esac
  echo "To remove them: $0 uninstall${1:+ --dir=\"$folder\"}" >&2
}
uninstall() {
  folder=$(target "$@")
  for link in "$folder"/fly*; do
    [ "$(readlink "$link" 2>/dev/null)" = "$root/jbang" ] || continue
    rm -f "$link" || exit 1
    echo "$link"
  done
  rm -rf "$JBANG_DIR/wrapper/commands$root" "$JBANG_DIR/wrapper/archives"
}
names() {
  commands | sed -n 's/^  \(fly[a-z-]*\) .*/\1/p'
}
target() {
  case ${1-} in
    '') printf %s "${HOME:?}/.local/bin" ;;
    --dir=*) absolute "${1#--dir=}" ;;
    --dir) [ -n "${2-}" ] || usage "--dir needs a folder" "none was given" "$0 install --dir ~/bin"; absolute "$2" ;;
    *) usage "unknown option $1" "there is only --dir DIR" "$0 install --dir ~/bin" ;;
  esac
}
absolute() {
  case $1 in /*) printf %s "$1" ;; *) printf %s "$PWD/$1" ;; esac
}

case ${2-} in
  -h | --help)
    if catalog_of "${1-}" && [ "$catalog" != "$root/jbang-catalog.json" ]; then
      sed -n "/\"$1\": *{/,/}/s/.*\"description\": *\"\(.*\)\".*/\1/p" "$catalog"
      exit
    fi ;;
esac
case ${1-} in
  '' | -h | --help) overview; exit ;;
  help)
    if catalog_of "${2-}"; then exec "$0" "$2" --help; fi
    overview
    exit ;;
  -V | --version) versions; exit ;;
  completion) shift; completion "$@"; exit ;;
  install | uninstall) "$@"; exit ;;
  [Ff][Ll][Yy]*) case $1 in *[!A-Za-z0-9_-]*) ;; *) catalog_of "$1" || [ -e "$1" ] || unknown "$1" ;; esac ;;
  run | build | edit | init | info | export | app | alias | template | catalog | cache | jdk | config | trust | version | \
    wrapper | deps | search | plugin) ;;
  *[!a-z0-9-]* | -*) ;;
  *) catalog_of "$1" || [ -e "$1" ] || unknown "$1" ;;
esac
