# The slow path of ./jbang, which reads this file: finds a JDK and JBang, runs JBang, and records what it said of an alias.
# shellcheck shell=sh disable=SC2154,SC2153,SC2119,SC2120 # version, root, alias, ... come from ./jbang

# A JDK has javac beside java. Its file release says JAVA_VERSION="17.0.15"; without that file java itself says so.
jdk() {
  [ -x "$1/javac" ] || return 1
  major=
  if [ -r "$1/../release" ]; then
    major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/../release")
  fi
  if [ -z "$major" ]; then
    major=$(unset JDK_JAVA_OPTIONS JAVA_TOOL_OPTIONS; "$1/java" -version 2>&1 |
      sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  fi
  [ "${major:-0}" -ge 17 ]
}
find_jdk() {
  on_path=$(command -v javac || :)
  if [ -n "${JAVA_HOME:-}" ] && jdk "$JAVA_HOME/bin"; then java=$JAVA_HOME/bin/java
  elif [ -n "$on_path" ] && jdk "${on_path%/javac}"; then unset JAVA_HOME; java=${on_path%/javac}/java
  elif jdk "$JBANG_DIR/currentjdk/bin"; then JAVA_HOME=$JBANG_DIR/currentjdk; export JAVA_HOME; java=$JAVA_HOME/bin/java
  else
    die "no JDK 17 or newer found" \
      "JAVA_HOME is '${JAVA_HOME:-}', javac on the PATH is '$on_path'; the newest of them is version '${major:-none}'" \
      "install a JDK (not only a JRE), for example from https://adoptium.net, and set JAVA_HOME to its folder"
  fi
}

find_jbang() {
  jar=${JBANG_JAR:-$JBANG_DIR/wrapper/jbang-cli-$version-all.jar}
  if [ -n "${JBANG_JAR:-}" ] && [ ! -f "$jar" ]; then
    die "there is no $JBANG_JAR" "JBANG_JAR names it" "unset JBANG_JAR"
  fi
  mkdir -p "$JBANG_DIR/wrapper" 2>/dev/null && [ -w "$JBANG_DIR/wrapper" ] ||
    die "JBang cannot write into $JBANG_DIR" "it keeps compiled scripts there, and these are not there yet" \
      "export JBANG_DIR=/a/folder/that/you/may/write"
  [ -z "${JBANG_JAR:-}" ] || return 0
  if [ -f "$jar" ]; then
    case $(cksum <"$jar" 2>/dev/null) in
      "$jbang_cksum" | '') return ;; # without cksum java itself complains
    esac
    echo "The JBang jar at $jar is damaged; fetching it again." >&2
    rm -f "$jar"
  fi
  echo "First run: fetching JBang $version, once ..." >&2
  tick
  "$java" "$root/.jbang/FetchJBang.java" "$version" "$jar" </dev/null >&2 || { untick; exit 1; }
  untick
}
jbang_cksum='1276078515 9472883'

# With the JVM's second compiler javac takes twice the CPU time for a script.
compiler='-C=-J-XX:TieredStopAtLevel=1 -C=-J-XX:+UseSerialGC'

# Two builds at once in one JBANG_DIR would spoil each other.
lock() {
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$JBANG_DIR/wrapper/lock"
    flock -n 9 9>&9 || { waits; flock 9 9>&9; } # ksh hands on what it is told to
  else
    lock=$JBANG_DIR/wrapper/lock.d
    until mkdir "$lock" 2>/dev/null; do
      owner=$(cat "$lock/pid" 2>/dev/null) && ! kill -0 "$owner" 2>/dev/null && rm -rf "$lock"
      waits
      sleep 1
    done
    trap 'leave $?' EXIT
    trap 'exit 130' INT TERM
    echo $$ >"$lock/pid"
  fi
}
# On a terminal, seconds while JBang is silent. Each line is longer than the seconds and begins where they stand, so that
# it replaces them. Nothing is written once the wrapper is gone.
tick() {
  [ -t 2 ] || return 0
  trap 'untick; exit 130' INT
  (
    trap 'kill $! 2>/dev/null; exit' TERM
    seconds=1
    sleep 1 & wait $!
    while sleep 1 & wait $! && kill -0 $$ 2>/dev/null; do
      seconds=$((seconds + 1))
      printf '\r  %s s, once\r' $seconds >&2
    done
  ) </dev/null >/dev/null 9>&- &
  ticker=$!
}
ticker=
untick() {
  [ -n "$ticker" ] || return 0
  kill "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null || :
  ticker=
  printf '\r\033[K' >&2
}

waits() {
  [ -n "${waited:-}" ] || [ ! -t 2 ] || echo "Waiting for another ./jbang that compiles ..." >&2
  waited=yes
}
unlock() {
  exec 9>&-
  [ -z "${lock:-}" ] || rm -rf "$lock"
  lock=
}

# JBang either does the work, or prints a command for us to run and exits with 255. Its own errors are 4: one of them
# is a damaged cache of dependencies, which may go, as it is only a cache.
resolve() { # sets command and code
  jbang "$@"
  cache=${JBANG_CACHE_DIR:-$JBANG_DIR/cache}/dependency_cache.json
  if [ $code -eq 4 ] && [ -f "$cache" ] && mv -f "$cache" "$cache.damaged" 2>/dev/null; then
    echo "Trying once more without JBang's cache of dependencies, which may be damaged ..." >&2
    jbang "$@"
  fi
}
jbang() {
  code=0
  JBANG_RUNTIME_SHELL=bash JBANG_LAUNCH_CMD=$0 JBANG_STDIN_NOTTY=true
  case $FLY_TTY in 0*) JBANG_STDIN_NOTTY=false ;; esac
  export JBANG_RUNTIME_SHELL JBANG_LAUNCH_CMD JBANG_STDIN_NOTTY
  [ -t 0 ] || tick # JBang may ask a reader
  command=$("$java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 ${HOME:+"-Duser.home=$HOME"} -jar "$jar" "$@") || code=$?
  untick
}

# Libraries on the class path of the command, against the checked-in list: once a build, as the record holds checksums
# of its own. Jars in JBang's cache are those that it built; the jar of JBang itself is known, or the reader's own.
verify() {
  tool=$(command -v sha256sum || command -v shasum) || return 0
  case $tool in *shasum) tool="$tool -a 256" ;; esac
  # shellcheck disable=SC2086
  (
    eval "set -- $command"
    while [ $# -gt 1 ] && [ "$1" != -classpath ] && [ "$1" != -cp ]; do shift; done
    IFS=:
    set -f
    for library in ${2-}; do
      case $library in
        "$jar" | "${JBANG_CACHE_DIR:-$JBANG_DIR/cache}"/*) ;;
        *.jar) printf '%s\n' "$library" ;;
      esac
    done
  ) | tr '\n' '\0' | xargs -0 $tool 2>/dev/null |
    awk -f "$root/.jbang/jars.awk" "$root/.jbang/jars.sha256" found=1 - || exit 1
} >&2 # of all its parts: with stdout closed, a pipe would take its place, and the sums would be lost

# The quoted form of a word, for eval, without a process of its own.
quote() { # sets quoted
  quoted=
  rest=$1
  while :; do
    case $rest in
      *\'*) quoted=$quoted${rest%%\'*}"'\\''" rest=${rest#*\'} ;;
      *) break ;;
    esac
  done
  quoted="'$quoted$rest'"
}

# Aliases of this repository, from any working directory. The arguments that stand after the alias are the script's own:
# JBang, which would drop empty ones, never sees them. JBang gets the catalog's file, so that it asks no host for it.
catalog_of() {
  case $1 in *[!a-z0-9-]*|'') return 1 ;; esac
  for catalog in "$root/jbang-catalog.json" "$root/.jbang/jbang-catalog.json"; do
    grep -q "\"$1\": *{" "$catalog" && return
  done
  return 1
}
find_alias() { # sets alias, catalog, verb and its options, and the number of words up to the alias
  alias='' verb='' before='' script='' count=0
  for word in "$@"; do
    count=$((count + 1))
    case $word in
      run | build | edit | info | export | app)
        if [ -z "$verb$before" ]; then verb=$word; continue; fi ;;
      tools | docs | classpath | install | local | portable | fatjar | mavenrepo | native | jlink | gradle | maven)
        case $verb in info\ * | export\ * | app\ * | run | build | edit | '') ;; *) verb="$verb $word"; continue ;; esac ;;
    esac
    if catalog_of "$word"; then alias=$word; return; fi
    case $word in
      -*) ;;
      */* | *@*) script=$word; return ;;
      *) if [ -z "$verb" ] || [ -f "$word" ]; then script=$word; return; fi ;;
    esac
    quote "$word"
    before="$before $quoted"
  done
}

. "$root/.jbang/record.sh"
. "$root/.jbang/front.sh"
find_jdk
find_jbang
find_alias "$@"
if [ -n "$alias" ]; then
  case $verb,$before\  in
    ,*" '-n' "*) usage "-n stands before the command" "there it is JBang's --native, and the command would not be dry" \
      "$0 $alias -n" ;;
  esac
  lock
  if [ $count -eq 1 ]; then
    if recorded; then # by another ./jbang, meanwhile
      unlock
      shift
      run "$@"
    fi
    look
    home=$PWD
    cd "$JBANG_DIR/wrapper" || exit # JBang prefers a file or folder of the alias's name
    # shellcheck disable=SC2086
    JBANG_LOCAL_ROOT=$JBANG_DIR/wrapper resolve run $compiler --catalog "$catalog" "$alias" </dev/null
    cd "$home" || exit
    [ $code -ne 255 ] || { verify; keep; }
  else
    case $verb in
      '' | run | build)
        eval "resolve ${verb:-run} --catalog \"\$catalog\" $before \"\$alias\"" </dev/null
        [ $code -ne 255 ] || verify
        case $verb,$code in
          ,0 | ,255) ;;
          ,*)
            (eval "set -- $before"
              printf '  try: %s %s; what stands before the command is for JBang\n' "$0 $alias" "$*" >&2) ;;
        esac ;;
      *)
        shift $count
        eval "resolve $verb --catalog \"\$catalog\" $before \"\$alias\"" '"$@"' ;;
    esac
  fi
  unlock
  if [ "$code" -eq 255 ]; then
    shift $count
    if [ $count -eq 1 ] && recorded; then run "$@"; fi
    eval "exec $command" '"$@"'
  fi
else
  [ -z "$script" ] || lock
  resolve "$@"
  [ -z "$script" ] || unlock
  [ $code -ne 255 ] || eval "exec $command"
fi
[ -z "$command" ] || printf '%s\n' "$command"
exit "$code"
