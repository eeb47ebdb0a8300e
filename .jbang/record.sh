# Read by resolve.sh: writes the record that lets ./jbang run an alias without JBang the next time.
# shellcheck shell=sh disable=SC2154,SC2034,SC2086,SC2120 # the variables of ./jbang

# The files that the alias is made of, one a line. Fails if their list cannot be had.
inputs() {
  if grep -Eq '"(sources|files|classpaths|dependencies)"' "$catalog"; then return 1; fi
  script=$(sed -n "/\"$alias\": *{/,/}/s/.*\"script-ref\": *\"\([^\"]*\)\".*/\1/p" "$catalog")
  awk -f "$root/.jbang/sources.awk" "${catalog%/*}/$script" || return 1
  printf '%s\n' "$root/jbang-catalog.json" "$root/.jbang/jbang-catalog.json" "$root/.jbang/make-archive.sh" \
    "$root/.jbang/Modern.java" "$root/.jbang/Train.java"
  printf %s "$settings"
}

# Before JBang runs: what it is about to read.
look() {
  before=
  files=$(inputs) && before=$(sums "$files") || files=
}

# After it has run: keeps its command, unless the files have changed under its hands.
keep() {
  [ -n "$before" ] && again=$(inputs) && [ "$again" = "$files" ] || return 0
  eval "set -- $command"
  quote "$1"
  first=$quoted
  release=${1%/bin/java}/release
  [ -f "$release" ] || release=$1
  [ -z "${HOME:-}" ] || first="$first \"-Duser.home=\$HOME\""
  shift
  options='' path='' collector=''
  while [ $# -gt 0 ] && [ -z "$path" ]; do
    case $1 in
      -classpath | -cp) path=$2; shift 2; break ;;
      -XX:+Use*GC) collector=$1 ;;
    esac
    quote "$1"
    options="$options $quoted"
    shift
  done
  [ -n "$path" ] || return 0
  arguments=
  for word in "$@"; do quote "$word"; arguments="$arguments $quoted"; done

  jars=$(IFS=:; set -f; printf '%s\n' $path)
  files=$files$newline$jars$newline$release
  [ -n "${JAVA_HOME:-}" ] || [ -z "$on_path" ] || files=$files$newline$on_path
  checksums=$(sums "$files") || return 0
  case $checksums in "$before$newline"*) ;; *) return 0 ;; esac

  quote "$path"
  plain="$first$options -classpath $quoted$arguments"
  archive='' archived=''
  case $alias in fly-*) name_archive ;; esac

  mkdir -p "${record%/*}" 2>/dev/null || return 0
  {
    for name in files checksums plain archive archived environment; do
      eval "quote \"\$$name\""
      echo "$name=$quoted"
    done
  } >"$record.$$" 2>/dev/null || { rm -f "$record.$$"; return 0; }
  mv -f "$record.$$" "$record"
}

# The archive of classes for all scripts with the same libraries: named by the contents of these, the JDK's build, and
# how it is made. The JVM takes an archive if the class path begins with the jars that it was made of, in their order.
# So the jar that trained it stands first, then the libraries, sorted, for all scripts alike, then the script's own.
name_archive() {
  own=${path%%:*}
  [ "$own" != "$path" ] || return 0
  libraries=$(IFS=:; set -f; printf '%s\n' ${path#*:} | sort | tr '\n' ':')
  libraries=${libraries%:}
  case $newline$jars$newline in *[!r]"$newline"?*) return 0 ;; esac # a folder on the class path
  case $own in "${JBANG_CACHE_DIR:-$JBANG_DIR/cache}"/*) ;; *) return 0 ;; esac
  grep -q '^JAVA_VERSION="[0-9]' "$release" || return 0 # no release, no archive
  made_of=$(IFS=:; set -f; cksum "$release" "$root/.jbang/make-archive.sh" "$root/.jbang/Modern.java" \
    "$root/.jbang/Train.java" $libraries)
  # It stays where it was made for, as moving it takes 15 ms of a start. Its libraries were compared with the checked-in
  # sums, so the JVM need not verify their code at each start, which takes as long. A JVM without these flags makes none.
  # Nor need picocli look for converters to types that none of our options has, nor the JVM make code for fields that are
  # set once.
  as_archived="-XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -XX:-BytecodeVerificationRemote \
-Djdk.reflect.useNativeAccessorOnly=true '-Dpicocli.converters.excludes=java[.](sql|time)[.].*'"
  hash=$(printf '%s\n' "$first $collector" "$made_of" "$as_archived" | sha256) || return 0
  archive=$JBANG_DIR/wrapper/archives/$hash/classes
  quote "-XX:SharedArchiveFile=$archive"
  archived="$first $quoted $as_archived -Xlog:disable -Xlog:all=error:stderr$options"
  quote "${archive%/*}/train.jar:$libraries:$own"
  archived="$archived -classpath $quoted$arguments"
}
sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-24
}
