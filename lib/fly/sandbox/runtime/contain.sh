# Runs a Machine's command in mount and PID namespaces of its own:
#   sh -c "$(cat contain.sh)" contain ROOT [open FOLDER]... [mount SOURCE PATH]... -- COMMAND...
# ROOT becomes a tmpfs with all of the host's bound in, each SOURCE stands at its PATH on top of that, and nothing is ever
# made in the host's own folders: those that get new entries are opened first, into a tmpfs that shows what they hold.
# A byte 0 on stderr, which is number 3, says that the command comes next; what stood there before says why it does not.
set -eu
exec 2>&3 3>&-
root=$1
shift

# show FOLDER: binds what the host's FOLDER holds into ours. The host's root is the empty name.
show() {
  for entry in "$1"/* "$1"/.[!.]*; do
    if [ -h "$entry" ]; then cp -P "$entry" "$root$entry"
    elif [ "$entry" = /proc ]; then mkdir "$root/proc"
    elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"
    elif [ -e "$entry" ]; then : >"$root$entry"; mount --bind "$entry" "$root$entry"
    fi
  done
}

# straight PATH: refuses one that a symlink leads elsewhere: that might be a folder of the host.
straight() {
  at=
  rest=${1#/}
  while [ -n "$rest" ]; do
    at=$at/${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    if [ -h "$root$at" ]; then
      echo "nothing can stand at $1, because $at is a symlink" >&2
      exit 1
    fi
  done
}

mount -t tmpfs -o mode=0755 none "$root"
mount --make-unbindable "$root"
show ""
mount -t proc proc "$root/proc"
while [ "$1" != -- ]; do
  if [ "$1" = open ]; then
    straight "$2"
    mount -t tmpfs -o mode=0755 none "$root$2"
    show "$2"
    shift 2
  else
    straight "$3"
    if [ -d "$2" ]; then mkdir -p "$root$3"
    elif [ ! -e "$root$3" ]; then mkdir -p "$root${3%/*}"; : >"$root$3"
    fi
    mount --bind "$2" "$root$3"
    shift 3
  fi
done
shift
cd "$root"
PATH=$PATH:/usr/sbin:/sbin pivot_root . .
umount -l .
# Process 1 of the namespace is a shell that stays: process 1 ignores signals that it does not handle, which would make
# the command deaf to them, and somebody has to bury orphans. It waits for the command in the foreground, because a
# shell's background commands ignore SIGINT. If we were started so ourselves, it is made to hear again.
hear=
! env --default-signal=INT,QUIT true 2>/dev/null || hear="env --default-signal=INT,QUIT"
exec $hear sh -c 'cd /; printf "\0" >&2; "$@"; exit $?' machine "$@"
