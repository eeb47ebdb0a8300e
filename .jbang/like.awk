# Of the commands listed in the input, the one that is most like the word; none if all differ too much.
function distance(a, b,    i, j, cost, before, here, la, lb) {
  la = length(a); lb = length(b)
  for (j = 0; j <= lb; j++) before[j] = j
  for (i = 1; i <= la; i++) {
    here[0] = i
    for (j = 1; j <= lb; j++) {
      cost = before[j - 1] + (substr(a, i, 1) != substr(b, j, 1))
      if (before[j] + 1 < cost) cost = before[j] + 1
      if (here[j - 1] + 1 < cost) cost = here[j - 1] + 1
      here[j] = cost
    }
    for (j = 0; j <= lb; j++) before[j] = here[j]
  }
  return before[lb]
}
BEGIN { best = length(word) / 3 + 1 }
/^  [a-z]/ {
  found = distance(word, $1)
  if (index($1, word) == 1 && length(word) > 5) found = 1
  if ("fly-" word == $1) found = 0
  if (found < best) { best = found; like = $1 }
}
END { if (like) print like }
