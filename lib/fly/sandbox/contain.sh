# Runs a Machine's command in a mount and a PID namespace of its own: contain.sh ROOT [FOLDER PATH]... -- COMMAND...
# The root is a tmpfs at ROOT with everything of the host's bound in, and each FOLDER bound at its PATH on top, so that
# no folder is ever made on the host's own root.
set -eu
root=$1
shift
mount -t tmpfs -o mode=0755 none "$root"
for entry in /* /.[!.]*; do
  name=${entry#/}
  if [ -h "$entry" ]; then cp -P "$entry" "$root/$name"
  elif [ "$name" = proc ]; then mkdir "$root/proc"
  elif [ -d "$entry" ]; then mkdir "$root/$name" && mount --rbind "$entry" "$root/$name"
  elif [ -f "$entry" ]; then : >"$root/$name" && mount --bind "$entry" "$root/$name"
  fi
done
mount -t proc proc "$root/proc"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  shift 2
done
shift
cd "$root"
# This shell is process 1 of its namespace: it stays, because process 1 would not hear signals that it does not expect,
# and because somebody has to bury orphans.
exec chroot . sh -c 'cd / && "$@"; exit $?' contain "$@"
