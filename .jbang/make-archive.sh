#!/bin/sh
# Makes the archive of classes at $FLY_ARCHIVE_FILE for the java command that is given, which names it.
# It is a static one. A dynamic one leaves out picocli, whose class files are old. An AOT cache does so, too, and loads
# all of its classes at each start.
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
    -XX:+Use*GC) collector=$1 ;;
    -XX:+Unlock* | -XX:ArchiveRelocationMode=* | -XX:-BytecodeVerificationRemote) same="$same $1" ;;
  esac
  shift
done
main=$1
own=${path##*:}
classes=${path%:*} # train.jar, then the libraries
train=$folder/train.jar
libraries=${classes#*:}

failed() { # the reason; nobody tries again with these libraries and this JDK
  echo "$1" >"$archive.failed"
  exit 1
}
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS HTTP_PROXY HTTPS_PROXY http_proxy https_proxy
{
  "${java%java}javac" --release 17 -d "$work/train" "$root/Train.java" &&
    case $("${java%java}javac" -version 2>&1) in
      "javac 1"* | "javac 2"[0-4]*) ;;
      *) "$java" -XX:TieredStopAtLevel=1 -cp "$libraries" "$root/Modern.java" "$work/train" ;;
    esac &&
    "${java%java}jar" cf "$work/train.jar" -C "$work/train" .
} >"$work/log" 2>&1 || failed "$(cat "$work/log")"
mv -f "$work/train.jar" "$train"

# A certificate for a server of the training; without it the classes of TLS are not in the archive.
keytool() { "${java%java}keytool" "$@" -alias train -keystore "$work/keys" -storepass training; }
SSL_CERT_FILE=$work/train.pem
if keytool -genkeypair -keyalg EC -dname CN=train -ext san=ip:127.0.0.1 && keytool -exportcert -rfc -file "$SSL_CERT_FILE"
then export SSL_CERT_FILE; else unset SSL_CERT_FILE; fi >"$work/log" 2>&1

# shellcheck disable=SC2086 # several words
run() { "$java" $same "$collector" -XX:TieredStopAtLevel=1 -cp "$classes" "$@"; }
{
  run -Xshare:off "-XX:DumpLoadedClassList=$work/list" Train "$own" "$main" "$work/keys" &&
    run -Xshare:dump "-XX:SharedClassListFile=$work/list" "-XX:SharedArchiveFile=$work/classes"
} >"$work/log" 2>&1
[ -s "$work/classes" ] || failed "$(cat "$work/log")"
mv -f "$work/classes" "$archive"

# Old ones go: the newest eight stay.
cd "$folder/.." || exit 0
# shellcheck disable=SC2012 # their names are hashes
ls -t | tail -n +9 | while read -r old; do [ -z "$old" ] || rm -rf "./$old"; done
