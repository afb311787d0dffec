const BEGIN = /^[^\n]*#?\bregion verify\b[^\n]*\n/m
const END = /^[^\n]*#?\bendregion verify\b/m

/** The part of a file that readers are shown, as it stands there; all of a file that marks none. */
export function regionOf(file: string): string {
  const begin = BEGIN.exec(file)
  if (!begin) return file
  const rest = file.slice(begin.index + begin[0].length)
  return rest.slice(0, END.exec(rest)?.index)
}
