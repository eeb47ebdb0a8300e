# Compares lines of sha256sum with those of the list, which come first; fails at the first jar that is not like it.
{
  sum = $1
  file = substr($0, 67)
  name = file
  sub(/.*\//, "", name)
}
!found { listed[name] = sum; next }
name != "-" && listed[name] != sum {
  print "error: " file " is not the library that we know"
  print "  why: its SHA-256 is " sum ", and in .jbang/jars.sha256 it is " (listed[name] ? listed[name] : "not listed")
  print "  try: delete the file and run this again; after a change of //DEPS, write \"" sum "  " name "\" there"
  exit 1
}
