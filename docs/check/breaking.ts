import type { Operation, Parameter, Schema } from '../site/api-schema.ts'
import { refName } from '../site/api-schema.ts'

/**
 * What a released description promised and a newer one does not: an operation or a field that is gone, an input that has become
 * required or narrower, an answer that may be what it never was. New fields, operations and values of enumerations in answers are
 * none: readers ignore what they do not know (docs/guides/versioning.md).
 */

export type Api = {
  paths: Record<string, Record<string, Operation>>
  webhooks?: Record<string, Record<string, Operation>>
  components: { schemas?: Record<string, Schema>; parameters?: Record<string, Parameter> }
}

/** Who reads it: the service reads what is sent `in`, its callers and receivers what goes `out`. */
type Direction = 'in' | 'out'
type Sides<T> = { before: T; now: T }

const BREAKS_MAX = 50

/** @returns sentences, each naming where; at most 50 */
export function breaksBetween(before: Api, now: Api): string[] {
  const found: string[] = []
  const judge = new Judge({ before, now }, found)
  for (const [path, item] of Object.entries(before.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const where = `${method.toUpperCase()} ${path}`
      const newer = now.paths[path]?.[method]
      if (newer === undefined) found.push(`${where} is gone`)
      else judge.operation(where, { before: operation, now: newer })
    }
  }
  for (const [name, { post }] of Object.entries(before.webhooks ?? {})) {
    const newer = now.webhooks?.[name]?.post
    if (newer === undefined) found.push(`the event ${name} is gone`)
    // its body goes to the receiver
    else if (post) judge.schema(name, { before: bodyOf(post), now: bodyOf(newer) }, 'out')
  }
  return found.slice(0, BREAKS_MAX)
}

class Judge {
  readonly #apis: Sides<Api>
  readonly #found: string[]
  /** Pairs of named schemas that have been compared: they lead to each other. */
  readonly #compared = new Set<string>()

  constructor(apis: Sides<Api>, found: string[]) {
    this.#apis = apis
    this.#found = found
  }

  operation(where: string, { before, now }: Sides<Operation>): void {
    if (before.operationId !== now.operationId) this.#found.push(`${where} has another operationId`)
    const [old, newer] = [this.#parameters(before, this.#apis.before), this.#parameters(now, this.#apis.now)]
    for (const [name, parameter] of old) {
      const kept = newer.get(name)
      if (!kept) this.#found.push(`${where}: parameter ${name} is gone`)
      else this.schema(`${where}: ${name}`, { before: parameter.schema, now: kept.schema }, 'in')
    }
    for (const [name, { required }] of newer) {
      if (required && !old.get(name)?.required) this.#found.push(`${where}: parameter ${name} is now required`)
    }
    const [oldBody, newBody] = [bodyOf(before), bodyOf(now)]
    if (newBody && !oldBody) this.#found.push(`${where} now needs a body`)
    this.schema(`${where}: body`, { before: oldBody, now: newBody }, 'in')
    for (const [status, answer] of Object.entries(before.responses)) {
      if (!status.startsWith('2')) continue
      const kept = now.responses[status]
      if (!kept) this.#found.push(`${where} no longer answers ${status}`)
      else this.schema(`${where}: ${status}`, { before: contentOf(answer), now: contentOf(kept) }, 'out')
    }
  }

  schema(where: string, { before, now }: Sides<Schema | undefined>, direction: Direction): void {
    if (before === undefined || now === undefined) {
      if (before !== undefined) this.#found.push(`${where} is gone`)
      return
    }
    if (before.$ref !== undefined || now.$ref !== undefined) {
      const pair = `${before.$ref ?? where} ${now.$ref ?? where} ${direction}`
      if (this.#compared.has(pair)) return
      this.#compared.add(pair)
    }
    const [old, newer] = [kindsOf(before, this.#apis.before), kindsOf(now, this.#apis.now)]
    if (direction === 'in') {
      for (const kind of old.keys()) if (!takes(newer, kind)) this.#found.push(`${where} no longer takes ${kind}`)
    } else {
      for (const kind of newer.keys()) if (!takes(old, kind)) this.#found.push(`${where} may now be ${kind}`)
    }
    for (const [kind, schema] of old) {
      const kept = newer.get(kind)
      if (kept) this.#same(where, { before: schema, now: kept }, direction)
    }
  }

  /** Of one kind on both sides. */
  #same(where: string, { before, now }: Sides<Schema>, direction: Direction): void {
    for (const [name, field] of Object.entries(before.properties ?? {})) {
      const kept = now.properties?.[name]
      if (kept === undefined) this.#found.push(`${where}.${name} is gone`)
      else this.schema(`${where}.${name}`, { before: field, now: kept }, direction)
    }
    const [always, later] = direction === 'out' ? [before, now] : [now, before]
    for (const name of always.required ?? []) {
      if (later.required?.includes(name) || (direction === 'out' && !now.properties?.[name])) continue
      this.#found.push(`${where}.${name} ${direction === 'out' ? 'is no longer always there' : 'is now required'}`)
    }
    if (before.items && now.items) this.schema(`${where}[]`, { before: before.items, now: now.items }, direction)
    if (direction === 'in' && isNarrower(before, now)) this.#found.push(`${where} takes less than before`)
  }

  #parameters({ parameters = [] }: Operation, api: Api): Map<string, Parameter> {
    const found = parameters.map((one) => ('$ref' in one ? api.components.parameters?.[refName(one.$ref)] : one))
    return new Map(found.flatMap((one) => (one ? [[`${one.in} ${one.name}`, one] as const] : [])))
  }
}

function bodyOf({ requestBody }: Operation): Schema | undefined {
  return Object.values(requestBody?.content ?? {})[0]?.schema
}

function contentOf({ content = {} }: Operation['responses'][string]): Schema | undefined {
  return Object.values(content)[0]?.schema
}

/** What a value may be: `string`, `null`, `object`; of several objects each by its place. `any` where nothing is said. */
function kindsOf(schema: Schema, api: Api): Map<string, Schema> {
  const kinds = new Map<string, Schema>()
  const add = (kind: string, one: Schema) => {
    let name = kind
    for (let count = 2; kinds.has(name); count += 1) name = `${kind} ${count}`
    kinds.set(name, one)
  }
  const visit = (one: Schema): void => {
    const named = one.$ref === undefined ? one : api.components.schemas?.[refName(one.$ref)]
    const either = named?.anyOf ?? named?.oneOf
    if (named === undefined) add('any', one)
    else if (either) for (const alternative of either) visit(alternative)
    else if (named.const !== undefined || named.enum) for (const kind of literalKinds(named)) add(kind, named)
    else for (const type of [named.type ?? 'any'].flat()) add(type, named)
  }
  visit(schema)
  return kinds
}

function literalKinds({ const: one, enum: several = [one] }: Schema): string[] {
  return [...new Set(several.map((value) => (value === null ? 'null' : typeof value)))]
}

function takes(kinds: ReadonlyMap<string, Schema>, kind: string): boolean {
  return kinds.has(kind) || kinds.has('any') || (kind === 'integer' && kinds.has('number'))
}

function isNarrower(before: Schema, now: Schema): boolean {
  const isLower = (bound: 'maxLength' | 'maximum' | 'maxItems') =>
    (now[bound] ?? Infinity) < (before[bound] ?? Infinity)
  const isHigher = (bound: 'minLength' | 'minimum' | 'minItems') =>
    (now[bound] ?? -Infinity) > (before[bound] ?? -Infinity)
  const values = now.enum ?? (now.const === undefined ? undefined : [now.const])
  const old = before.enum ?? (before.const === undefined ? undefined : [before.const])
  const lostValue = values !== undefined && (old === undefined || old.some((value) => !values.includes(value)))
  return (
    lostValue ||
    isLower('maxLength') ||
    isLower('maximum') ||
    isLower('maxItems') ||
    isHigher('minLength') ||
    isHigher('minimum') ||
    isHigher('minItems')
  )
}
