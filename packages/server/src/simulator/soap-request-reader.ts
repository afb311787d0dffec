import { XmlReader } from '#src/adapters/xml/xml-reader.ts'
import { XmlRefused } from '#src/adapters/xml/xml-refused.ts'

/** A call of the alert service: its operation, and the texts of the elements that have some, by their names. */
export type SoapCall = { operation: string; texts: ReadonlyMap<string, readonly string[]> }

const OPERATION_DEPTH = 3

/** Undefined for what is no envelope with a call in it. */
export function readSoapCall(body: Buffer): SoapCall | undefined {
  const texts = new Map<string, string[]>()
  let operation: string | undefined
  let depth = 0
  let text = ''
  const reader = new XmlReader({
    open(name) {
      depth += 1
      if (depth === OPERATION_DEPTH) operation ??= name
      text = ''
    },
    text(piece) {
      text += piece
    },
    close(name) {
      depth -= 1
      const value = text.trim()
      text = ''
      if (value === '') return
      const values = texts.get(name)
      if (values === undefined) texts.set(name, [value])
      else values.push(value)
    },
  })
  try {
    reader.write(body)
    reader.end()
  } catch (error) {
    if (error instanceof XmlRefused) return undefined
    throw error
  }
  return operation === undefined ? undefined : { operation, texts }
}
