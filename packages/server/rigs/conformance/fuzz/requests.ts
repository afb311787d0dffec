import { oneOf, type Random } from '../../chaos/chance.ts'
import type { Schema, Schemas } from './schema.ts'
import type { Values } from './values.ts'
import type { World } from './world.ts'

/** An operation as far as requests are made from it. */
export type FuzzedOperation = {
  id: string
  method: string
  path: string
  parameters: readonly { in: string; name: string; schema: Schema; required: boolean }[]
  body: { type: string; schema: Schema } | null
  isOpen: boolean
}

export type FuzzedRequest = {
  operation: FuzzedOperation
  method: string
  target: string
  headers: Record<string, string>
  body: Buffer | null
  /** By the description it cannot be taken, and why. */
  wrong: string | null
}

/** Judged item by item, so that one wrong item is no wrong body. */
const JUDGED_BY_ITEM = new Set(['v1.message.create-batch'])
/** Read only when the path names no application (webhook-api 9.1). */
const READ_AT_TIMES = 'application'
const DEPTH = 65
const LONG = 70_000

/** Makes requests: valid ones, ones with one thing wrong, and broken ones. */
export class Requests {
  readonly #random: Random
  readonly #schemas: Schemas
  readonly #values: Values
  readonly #world: World

  constructor(parts: { random: Random; schemas: Schemas; values: Values; world: World }) {
    this.#random = parts.random
    this.#schemas = parts.schemas
    this.#values = parts.values
    this.#world = parts.world
  }

  make(operation: FuzzedOperation): FuzzedRequest {
    const query = this.#query(operation)
    const body = this.#body(operation)
    return {
      operation,
      method: operation.method,
      target: this.#path(operation) + query.text,
      headers: { ...this.#headers(operation), ...body.headers },
      body: body.bytes,
      wrong: body.wrong ?? query.wrong,
    }
  }

  #path({ path, parameters, method }: FuzzedOperation): string {
    const wanted = parameters.filter((parameter) => parameter.in === 'path')
    // what is deleted cannot be named any more: mostly something else is
    const missing = method === 'DELETE' ? 0.9 : 0.25
    const names = this.#world.names(
      this.#random,
      wanted.map(({ name }) => name),
      { missing },
    )
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? 'x')
    return this.#random() < 0.03 ? `${filled}/` : filled
  }

  #query({ parameters }: FuzzedOperation): { text: string; wrong: string | null } {
    const pairs: string[] = []
    let wrong: string | null = null
    for (const parameter of parameters) {
      if (parameter.in !== 'query' || (!parameter.required && this.#random() > 0.3)) continue
      const { name, schema } = parameter
      const isMeant = this.#random() < 0.8
      const value = isMeant ? this.#values.fitting(schema, name) : this.#values.unfitting(schema, name)
      const text = textOf(value)
      pairs.push(`${name}=${encodeURIComponent(text)}`)
      if (!this.#schemas.fits(readAs(text, this.#schemas.resolve(schema)), schema)) wrong = `query ${name}`
    }
    return { text: pairs.length > 0 ? `?${pairs.join('&')}` : '', wrong }
  }

  #headers({ method }: FuzzedOperation): Record<string, string> {
    if (method !== 'POST' || this.#random() > 0.2) return {}
    return { 'idempotency-key': this.#random() < 0.9 ? `key-${Math.floor(this.#random() * 1e6)}` : 'x'.repeat(257) }
  }

  #body(operation: FuzzedOperation): { bytes: Buffer | null; headers: Record<string, string>; wrong: string | null } {
    if (!operation.body) return { bytes: null, headers: {}, wrong: null }
    const { type, schema } = operation.body
    const headers = { 'content-type': type }
    if (type !== 'application/json') {
      const value = this.#values.fitting(schema)
      const fields = typeof value === 'object' && value !== null ? Object.entries(value) : []
      const form = new URLSearchParams(fields.map(([name, each]): [string, string] => [name, textOf(each)]))
      return { bytes: Buffer.from(form.toString()), headers, wrong: null }
    }
    const draw = this.#random()
    if (draw < 0.1) return this.#broken(schema)
    const value = draw < 0.6 ? this.#values.fitting(schema) : this.#values.unfitting(schema)
    const text = JSON.stringify(value)
    const read: unknown = JSON.parse(text, (name, each: unknown) => (name === READ_AT_TIMES ? undefined : each))
    const isWrong = !this.#schemas.fits(read, schema) && !JUDGED_BY_ITEM.has(operation.id)
    return { bytes: Buffer.from(text), headers, wrong: isWrong ? 'body' : null }
  }

  /** Bodies that no schema can tell of. */
  #broken(schema: Schema): { bytes: Buffer; headers: Record<string, string>; wrong: string | null } {
    const json = { 'content-type': 'application/json' }
    const text = JSON.stringify(this.#values.fitting(schema))
    const cut = text.slice(0, -1)
    const {
      wrong = 'bytes',
      bytes,
      headers = json,
    } = oneOf<Broken>(this.#random, [
      { bytes: Buffer.from(cut) },
      { bytes: Buffer.from(`${text} x`) },
      { bytes: Buffer.from(`\ufeff${text}`) },
      { bytes: Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]) },
      { bytes: Buffer.from('{"a":NaN}') },
      { bytes: Buffer.from(`{"a":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`) },
      { bytes: Buffer.from(text), headers: { 'content-type': 'text/plain' } },
      { bytes: Buffer.from(text), headers: { ...json, 'content-encoding': 'gzip' } },
      { bytes: Buffer.from(`${cut}${cut.length > 1 ? ',' : ''}"__proto__":{"a":1},"constructor":{}}`), wrong: null },
      { bytes: Buffer.from(`{"a":"${'x'.repeat(LONG)}"}`) },
      { bytes: Buffer.alloc(0), wrong: null },
    ])
    return { bytes, headers, wrong }
  }
}

type Broken = { bytes: Buffer; headers?: Record<string, string>; wrong?: string | null }

/** As it stands in a query. Half a surrogate pair cannot. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',')
  return (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed()
}

/** As a parameter of this schema would be read. */
function readAs(text: string, schema: Schema): unknown {
  if (schema.type === 'array') {
    const items = text.split(',').map((item) => item.trim())
    return items.filter((item) => item !== '').map((item) => readAs(item, schema.items ?? {}))
  }
  if (schema.type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text
  if (schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}
