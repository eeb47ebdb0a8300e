# Prints the files that a script is made of, one a line: the script, and what its //SOURCES and //FILES name, and so on.
# Fails for what it cannot list: globs, URLs, files among the //DEPS, versions that are not exact.

function normal(file,    words, n, i, kept, m, path) {
  n = split(file, words, "/")
  m = 0
  for (i = 1; i <= n; i++) {
    if (words[i] == "." || words[i] == "" && i > 1) continue
    if (words[i] == ".." && m > 1) m--
    else kept[++m] = words[i]
  }
  path = kept[1]
  for (i = 2; i <= m; i++) path = path "/" kept[i]
  return path
}

function add(folder, name,    file) {
  if (name ~ /[*?{:]/) failed = 1
  file = normal(name ~ /^\// ? name : folder "/" name)
  if (file in seen) return
  seen[file] = 1
  queue[++last] = file
}

BEGIN {
  script = ARGV[1]
  ARGC = 1
  add("", script)
  for (next_one = 1; next_one <= last && !failed; next_one++) {
    file = queue[next_one]
    print file
    if (file !~ /\.java$/) continue
    folder = file
    sub(/\/[^\/]*$/, "", folder)
    while ((got = (getline line < file)) > 0) {
      if (line !~ /^[ \t]*\/\/[A-Z]+[ \t]/) continue
      sub(/\r$/, "", line)
      n = split(line, words, /[ \t,]+/)
      start = words[1] == "" ? 2 : 1
      for (i = start + 1; i <= n; i++) {
        if (words[i] == "") continue
        if (words[start] == "//SOURCES") add(folder, words[i])
        else if (words[start] == "//FILES") { sub(/^[^=]*=/, "", words[i]); add(folder, words[i]) }
        else if (words[start] == "//JAVAAGENT") failed = 1
        else if (words[start] == "//DEPS" && words[i] !~ /^[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+(@pom)?$/) failed = 1
        else if (words[start] == "//DEPS" && words[i] ~ /SNAPSHOT|RELEASE|LATEST/) failed = 1
      }
    }
    if (got < 0) failed = 1
    close(file)
  }
  exit failed
}
