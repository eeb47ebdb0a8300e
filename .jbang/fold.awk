# Breaks lines longer than width at words; the rest goes below the column that a description begins in.
function blanks(n,  text) {
  text = sprintf("%" n "s", "")
  return n > 0 ? text : ""
}
{
  line = $0
  indent = match(line, /[^ ]  +[^ ]/) ? RSTART + RLENGTH - 2 : 0
  if (indent > width * 2 / 3) indent = 4
  while (width > 0 && length(line) > width) {
    at = width + 1
    while (at > indent + 1 && substr(line, at, 1) != " ") at--
    if (at <= indent + 1) break
    print substr(line, 1, at - 1)
    line = blanks(indent) substr(line, at + 1)
  }
  print line
}
