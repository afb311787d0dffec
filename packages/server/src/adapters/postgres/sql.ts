import { createHash } from 'node:crypto'

/** One SQL statement: text with `$1 …`, its parameters, and the name under which a connection keeps it prepared. */
export type Sql = { text: string; values: unknown[]; name?: string }

class Statement implements Sql {
  readonly strings: readonly string[]
  readonly values: unknown[]
  readonly text: string
  readonly name?: string

  constructor(strings: readonly string[], values: unknown[], text: string, name?: string) {
    this.strings = strings
    this.values = values
    this.text = text
    if (name !== undefined) this.name = name
  }
}

const prepared = new WeakMap<TemplateStringsArray, { text: string; name: string }>()

/**
 * Makes a statement of a template: a value that is itself a statement (of `sql`) is inlined and its parameters renumbered, every
 * other value becomes a parameter. A template without nested statements is given a name and so is planned once per connection.
 * An array becomes a PostgreSQL array and an object JSON; an array meant as JSON is passed as `JSON.stringify(array)`.
 */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  if (!values.some((value) => value instanceof Statement)) {
    let known = prepared.get(strings)
    if (!known) {
      const text = textOf(strings)
      known = { text, name: nameOf(text) }
      prepared.set(strings, known)
    }
    return new Statement(strings, values, known.text, known.name)
  }
  const parts = [strings[0] ?? '']
  const parameters: unknown[] = []
  values.forEach((value, index) => {
    const after = strings[index + 1] ?? ''
    if (value instanceof Statement) {
      parts.push((parts.pop() ?? '') + (value.strings[0] ?? ''), ...value.strings.slice(1))
      parts.push((parts.pop() ?? '') + after)
      parameters.push(...value.values)
    } else {
      parts.push(after)
      parameters.push(value)
    }
  })
  return new Statement(parts, parameters, textOf(parts))
}

/** SQL text of the program itself, to compose statements with: names of tables and columns, never a value. */
export function sqlText(text: string): Sql {
  return new Statement([text], [], text)
}

const composed = new Map<string, string>()

/**
 * Gives a composed statement a name too, so that it is parsed and planned once per connection. For statements whose text is
 * always the same: each text stays prepared, on every connection that has run it, for as long as the connection lives.
 */
export function prepare(statement: Sql): Sql {
  let name = composed.get(statement.text)
  if (name === undefined) {
    name = nameOf(statement.text)
    composed.set(statement.text, name)
  }
  return { text: statement.text, values: statement.values, name }
}

function textOf(strings: readonly string[]): string {
  return strings.reduce((text, part, index) => `${text}$${index}${part}`)
}

function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 24)
}
