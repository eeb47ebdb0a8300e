#!/bin/sh
# Makes the archive of classes at $FLY_ARCHIVE_FILE for the java command that is given, which names it.
# On JDK 17 to 24 it is a static archive of class data: a dynamic one would leave out picocli's old class files. From
# JDK 25 on it is an AOT cache, recorded and made by one run.
set -u
archive=$FLY_ARCHIVE_FILE
folder=${archive%/*}
root=${0%/*}
trap '' HUP INT
trap 'rm -rf "$folder/lock" "$work"' EXIT
work=$(mktemp -d "$folder/work.XXXXXX") || exit 1
echo $$ >"$folder/lock/pid"

java=$1
shift
collector=-XX:+UseSerialGC path='' same=''
while [ $# -gt 0 ] && [ -z "$path" ]; do
  case $1 in
    -classpath) path=$2; shift ;;
    -XX:AOTCache=* | -XX:SharedArchiveFile=* | -Xlog:*) flag=${flag:-${1%%=*}} ;;
    -XX:+Use*GC) collector=$1 ;;
    -XX:+Unlock* | -XX:ArchiveRelocationMode=* | -XX:-BytecodeVerificationRemote) same="$same $1" ;;
  esac
  shift
done
main=$1
own=${path##*:}
libraries=${path%:*} # with train.jar, the last of them

failed() { # the reason; nobody tries again with these libraries and this JDK
  echo "$1" >"$archive.failed"
  exit 1
}
{
  "${java%java}javac" --release 17 -d "$work" "$root/Train.java" &&
    "${java%java}jar" cf "$work/train.jar" -C "$work" Train.class
} >"$work/log" 2>&1 || failed "$(cat "$work/log")"
mv -f "$work/train.jar" "${libraries##*:}"

unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS
# shellcheck disable=SC2086 # several words
case $flag in
  -XX:AOTCache)
    "$java" $same "$collector" -XX:TieredStopAtLevel=1 "-XX:AOTCacheOutput=$work/classes" -cp "$libraries" Train "$own" "$main"
    ;;
  *)
    "$java" $same "$collector" -XX:TieredStopAtLevel=1 -Xshare:off "-XX:DumpLoadedClassList=$work/list" -cp "$libraries" Train "$own" "$main" &&
      "$java" $same "$collector" -XX:TieredStopAtLevel=1 -Xshare:dump "-XX:SharedClassListFile=$work/list" "-XX:SharedArchiveFile=$work/classes" -cp "$libraries"
    ;;
esac >"$work/log" 2>&1
[ -s "$work/classes" ] || failed "$(cat "$work/log")"
mv -f "$work/classes" "$archive"

# Old ones go: the newest eight stay.
cd "$folder/.." || exit 0
# shellcheck disable=SC2012 # their names are hashes
ls -t | tail -n +9 | while read -r old; do [ -z "$old" ] || rm -rf "./$old"; done
