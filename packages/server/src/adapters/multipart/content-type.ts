/** A content type: the media type in lower case, and its parameters by their names in lower case. */
export type ContentType = { type: string; parameters: ReadonlyMap<string, string> }

const TYPE = /^[ \t]*([^ \t;,"]+)[ \t]*/
const PARAMETER = /;[ \t]*(?:([^ \t;="]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t;"]*)))?[ \t]*/y

/** Reads as far as it is one (RFC 9110, 8.3.1); the type of nothing is ''. */
export function parseContentType(header: string): ContentType {
  const start = TYPE.exec(header)
  const parameters = new Map<string, string>()
  PARAMETER.lastIndex = start?.[0].length ?? header.length
  for (let match = PARAMETER.exec(header); match !== null; match = PARAMETER.exec(header)) {
    const [, name, quoted, plain] = match
    const value = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1')
    if (name !== undefined && value !== undefined && !parameters.has(name.toLowerCase()))
      parameters.set(name.toLowerCase(), value)
  }
  return { type: (start?.[1] ?? '').toLowerCase(), parameters }
}
