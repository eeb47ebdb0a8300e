# Lists the aliases of jbang-catalog.json by group, each with its description.
BEGIN {
  title["guide"] = "The guide, step by step"
  title["machines"] = "Machines and apps"
  title["mcp"] = "MCP: clients and servers"
  title["tools"] = "Tools"
}
/^  "templates":/ { exit }
/^    "[a-z0-9-]+": *\{/ { split($0, part, "\""); alias = part[2] }
/"script-ref":/ { split($0, part, "\""); n = split(part[4], path, "/"); group = path[n - 1] }
/"description":/ {
  sub(/^ *"description": *"/, "")
  sub(/",?$/, "")
  gsub(/\\"/, "\"")
  if (!(group in text)) order[++groups] = group
  text[group] = text[group] sprintf("  %-20s %s\n", alias, $0)
}
END {
  for (i = 1; i <= groups; i++) {
    name = order[i] in title ? title[order[i]] : order[i]
    printf "%s%s\n%s", (i > 1 ? "\n" : ""), name, text[order[i]]
  }
}
