import type { Described } from '../../test/answer-judge.ts'
import { isIntended } from './differences.ts'

/** Schemas of either description. */
type Shape = {
  $ref?: string
  type?: string | readonly string[]
  nullable?: boolean
  const?: unknown
  enum?: readonly unknown[]
  anyOf?: readonly Shape[]
  oneOf?: readonly Shape[]
  allOf?: readonly Shape[]
  items?: Shape
  properties?: Record<string, Shape>
  required?: readonly string[]
}
type Content = { content?: Record<string, { schema?: Shape }> }
type Operation = {
  parameters?: readonly { $ref?: string; in?: string; name?: string }[]
  requestBody?: Content
  responses: Record<string, Content>
}

const DEPTH_MAX = 6

/** Holds our description against theirs: every operation in both must take what theirs takes and answer what theirs answers. */
export class Comparison {
  readonly #ours: Described
  readonly #theirs: Described
  readonly #faults: string[] = []
  compared = 0

  constructor(ours: Described, theirs: Described) {
    this.#ours = ours
    this.#theirs = theirs
  }

  /** @returns what is not compatible and not meant to be */
  run(): string[] {
    for (const [path, methods] of Object.entries(this.#ours.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const theirs = this.#theirs.paths[path]?.[method]
        if (!theirs) continue
        this.compared += 1
        this.#operation(`${method.toUpperCase()} ${path}`, operation, theirs)
      }
    }
    return this.#faults.filter((fault) => !isIntended(fault))
  }

  #operation(name: string, ours: Operation, theirs: Operation): void {
    const say = (what: string) => this.#faults.push(`L ${name}: ${what}`)
    const known = new Set((ours.parameters ?? []).map((parameter) => parameter.name))
    for (const { in: where, name: parameter = '' } of theirs.parameters ?? []) {
      if (where === 'query' && !known.has(parameter)) say(`the query has no ${parameter}`)
    }
    const [oursTaken, theirsTaken] = [bodyOf(ours.requestBody), bodyOf(theirs.requestBody)]
    if (theirsTaken) {
      if (oursTaken) this.#taken(oursTaken, theirsTaken, 'body', say, 0)
      else say('no body is described')
    }
    for (const [status, answer] of Object.entries(ours.responses).filter(([code]) => code.startsWith('2'))) {
      const expected = theirs.responses[status]
      if (!expected) {
        say(`answers ${status}`)
        continue
      }
      const [oursGiven, theirsGiven] = [bodyOf(answer), bodyOf(expected)]
      if (oursGiven && theirsGiven) this.#given(oursGiven, theirsGiven, String(status), say, 0)
      else if (oursGiven || theirsGiven) say(`${status}: only one has a body`)
    }
  }

  /** What they give out, we give out. */
  #given(ours: Shape, theirs: Shape, at: string, say: (what: string) => void, depth: number): void {
    const [one, other] = [this.#flat(this.#ours, ours), this.#flat(this.#theirs, theirs)]
    for (const type of one.types) {
      if (other.types.size > 0 && !other.types.has(type) && !(type === 'integer' && other.types.has('number'))) {
        say(`${at} may be ${type}`)
      }
    }
    for (const value of one.values) {
      if (other.values.size > 0 && !other.values.has(value)) say(`${at} may be ${value}`)
    }
    for (const name of other.required) if (!one.required.has(name)) say(`${at}.${name} may be missing`)
    if (depth === DEPTH_MAX) return
    for (const [name, shape] of other.properties) {
      const own = one.properties.get(name)
      if (own) this.#given(own, shape, `${at}.${name}`, say, depth + 1)
      else say(`${at}.${name} is not there`)
    }
    if (one.items && other.items) this.#given(one.items, other.items, `${at}[]`, say, depth + 1)
  }

  /** What they take, we take. */
  #taken(ours: Shape, theirs: Shape, at: string, say: (what: string) => void, depth: number): void {
    const [one, other] = [this.#flat(this.#ours, ours), this.#flat(this.#theirs, theirs)]
    for (const type of other.types) {
      if (one.types.size > 0 && !one.types.has(type) && !(type === 'integer' && one.types.has('number'))) {
        say(`${at} may not be ${type}`)
      }
    }
    for (const name of one.required) if (!other.required.has(name)) say(`${at}.${name} is required`)
    if (depth === DEPTH_MAX) return
    for (const [name, shape] of other.properties) {
      const own = one.properties.get(name)
      if (own) this.#taken(own, shape, `${at}.${name}`, say, depth + 1)
      else if (one.properties.size > 0 || depth === 0) say(`${at}.${name} is not read`)
    }
    if (one.items && other.items) this.#taken(one.items, other.items, `${at}[]`, say, depth + 1)
  }

  /** A schema with its alternatives laid together. */
  #flat(document: Described, shape: Shape): Flat {
    const flat: Flat = {
      types: new Set(),
      values: new Set(),
      required: new Set(),
      properties: new Map(),
      items: undefined,
    }
    const lay = (each: Shape) => {
      const found = each.$ref === undefined ? each : referred(document, each.$ref)
      const { type = [], nullable = false, properties = {}, required = [] } = found
      for (const name of [type].flat()) flat.types.add(name)
      if (nullable) flat.types.add('null')
      for (const value of found.enum ?? (found.const === undefined ? [] : [found.const])) flat.values.add(String(value))
      for (const name of required) flat.required.add(name)
      for (const [name, inner] of Object.entries(properties)) flat.properties.set(name, inner)
      flat.items ??= found.items
      for (const one of [...(found.anyOf ?? []), ...(found.oneOf ?? []), ...(found.allOf ?? [])]) lay(one)
    }
    lay(shape)
    return flat
  }
}

type Flat = {
  types: Set<string>
  values: Set<string>
  required: Set<string>
  properties: Map<string, Shape>
  items: Shape | undefined
}

function bodyOf(content: Content | undefined): Shape | undefined {
  return Object.values(content?.content ?? {})[0]?.schema
}

function referred(document: Described, reference: string): Shape {
  return document.components?.schemas?.[reference.split('/').at(-1) ?? ''] ?? {}
}
