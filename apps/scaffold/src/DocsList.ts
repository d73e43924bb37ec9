/** A page's list under a heading, and one line more in it. */

/** The page with the line at the end of the heading's list. A heading that is not there is made, at the end of the page. */
export const add = (page: string, heading: string, line: string): string => {
  const lines = page.trimEnd().split("\n")
  const at = lines.indexOf(`## ${heading}`)
  if (at < 0) return [...lines, "", `## ${heading}`, "", line, ""].join("\n")
  const next = lines.findIndex((line, index) => index > at && /^##? /.test(line))
  const section = lines.slice(at + 1, next < 0 ? undefined : next)
  const last = section.findLastIndex((line) => line.startsWith("- "))
  // A line that goes on is indented.
  const more = last < 0 ? -1 : section.slice(last + 1).findIndex((line) => !/^\s+\S/.test(line))
  const end = last < 0 ? at + 1 : more < 0 ? at + 1 + section.length : at + 1 + last + 1 + more
  const before = lines.slice(0, end)
  const after = lines.slice(end)
  if (last >= 0) return [...before, line, ...after, ""].join("\n")
  return [...before, "", line, ...(after.length === 0 || after[0] === "" ? after : ["", ...after]), ""].join("\n")
}
