import { between, oneOf, type Random } from '../../chaos/chance.ts'
import type { Schema, Schemas } from './schema.ts'

const DEPTH_MAX = 4
const OPTIONAL_SHARE = 0.35
const ITEMS_MAX = 3
/** Lists of more items are not filled to their limit, nor beyond it: bodies stay small. */
const FILLED_MAX = 300
const TEXTS = [
  '',
  'a',
  '0',
  'A-b_c.d',
  'user.signup',
  'producersync',
  'producersync.npn.activated',
  'project_1337',
  '15645555',
  '-',
  ' ',
  'a b',
  'ünï ☃ 𝒳',
  '\u202eabc',
  "'; drop table account; --",
  '<script>alert(1)</script>',
  '{{7*7}}',
  '%00%0a',
  'null',
  '__proto__',
  'line\nbreak\ttab',
  '\u0007',
  '\u0000',
  '\ud800',
  '-ep_2ZkBoY2ilHMJmT7ULsBqzKUmmAj',
  'msg_2ZkBoY2ilHMJmT7ULsBqzKUmmAj',
  '0ded8367-01ac-4519-8cd7-ce965d55c0b0',
]
const LENGTHS = [1, 2, 31, 64, 127, 128, 129, 255, 256, 257, 300, 301, 4_096, 4_097]
const MOMENTS = [
  '1970-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '2026-02-28T23:59:60Z',
  '2026-06-30T12:00:00+14:00',
  '2026-06-30T12:00:00.123456789-12:00',
]
const NO_MOMENTS = [
  'yesterday',
  '2026-02-30T00:00:00Z',
  '2026-01-01',
  '2026-01-01T00:00:00',
  '1',
  '-1',
  '2026-13-01T00:00:00Z',
]
const NUMBERS = [0, 1, -1, 2, 1.5, 250, 251, 65_535, 65_536, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308]
const OF_OTHER_TYPES: readonly unknown[] = [null, true, false, 0, -1, 1.5, '', 'x', [], [null], {}, { a: 1 }, [[[]]]]

/** Makes values from schemas: those that fit, their limits first, and those that do not. The same draws give the same. */
export class Values {
  readonly #random: Random
  readonly #schemas: Schemas
  readonly #urls: readonly string[]

  /** @param urls of which fields named `url` get one: nothing may be sent to where nobody asked for it */
  constructor(random: Random, schemas: Schemas, urls: readonly string[]) {
    this.#random = random
    this.#schemas = schemas
    this.#urls = urls
  }

  fitting(given: Schema, name = '', depth = 0): unknown {
    const schema = this.#schemas.resolve(given)
    if (schema.const !== undefined) return schema.const
    if (schema.enum) return oneOf(this.#random, schema.enum)
    if (schema.anyOf) return this.fitting(oneOf(this.#random, schema.anyOf), name, depth)
    switch (schema.type) {
      case 'integer':
      case 'number':
        return this.#number(schema)
      case 'boolean':
        return this.#random() < 0.5
      case 'string':
        return name === 'url' ? oneOf(this.#random, this.#urls) : this.#text(schema)
      case 'array':
        return this.#list(schema, name, depth)
      case 'object':
        return this.#object(schema, depth)
      case 'null':
        return null
      default:
        return this.anything(depth)
    }
  }

  /** Mostly what does not fit; sometimes it does all the same, so ask. */
  unfitting(given: Schema, name = '', depth = 0): unknown {
    const schema = this.#schemas.resolve(given)
    if (this.#random() < 0.3) return oneOf(this.#random, OF_OTHER_TYPES)
    if (schema.anyOf) return this.unfitting(oneOf(this.#random, schema.anyOf), name, depth)
    switch (schema.type) {
      case 'integer':
      case 'number':
        return oneOf(this.#random, [(schema.minimum ?? 0) - 1, (schema.maximum ?? 1e12) + 1, ...NUMBERS])
      case 'string':
        if (name === 'url') return oneOf(this.#random, NO_URLS)
        if (schema.format === 'date-time') return oneOf(this.#random, NO_MOMENTS)
        return this.#anyText()
      case 'array':
        return this.#wrongList(schema, name, depth)
      case 'object':
        return this.#wrongObject(schema, depth)
      default:
        return oneOf(this.#random, OF_OTHER_TYPES)
    }
  }

  /** Any JSON. */
  anything(depth = 0): unknown {
    const kind = between(this.#random, 0, depth < DEPTH_MAX ? 5 : 3)
    if (kind === 0) return oneOf(this.#random, NUMBERS)
    if (kind === 1) return this.#random() < 0.5
    if (kind === 2) return null
    if (kind === 3) return this.#anyText()
    const items = Array.from({ length: between(this.#random, 0, ITEMS_MAX) }, () => this.anything(depth + 1))
    if (kind === 4) return items
    return Object.fromEntries(items.map((item) => [oneOf(this.#random, TEXTS), item]))
  }

  #number({ minimum = 0, maximum = 1_000 }: Schema): number {
    return oneOf(this.#random, [
      minimum,
      maximum,
      Math.min(minimum + 1, maximum),
      between(this.#random, minimum, maximum),
    ])
  }

  #text({ format, pattern, minLength = 0, maxLength = 300 }: Schema): string {
    if (format === 'date-time') {
      const near = new Date(Date.now() + between(this.#random, -90, 2) * 43_200_000).toISOString()
      return this.#random() < 0.7 ? near : oneOf(this.#random, MOMENTS)
    }
    if (format === 'date')
      return new Date(Date.now() - between(this.#random, 0, 400) * 86_400_000).toISOString().slice(0, 10)
    if (format === 'uuid') return '0ded8367-01ac-4519-8cd7-ce965d55c0b0'
    const wanted = pattern === undefined ? null : new RegExp(pattern, 'u')
    const candidates = [...TEXTS, ...LENGTHS.map((length) => 'x'.repeat(length))]
    const fitting = candidates.filter(
      (text) => text.length >= minLength && text.length <= maxLength && (wanted === null || wanted.test(text)),
    )
    return fitting.length > 0 ? oneOf(this.#random, fitting) : 'a'
  }

  #anyText(): string {
    return this.#random() < 0.7 ? oneOf(this.#random, TEXTS) : 'x'.repeat(oneOf(this.#random, LENGTHS))
  }

  #list({ items = {}, minItems = 0, maxItems = ITEMS_MAX }: Schema, name: string, depth: number): unknown[] {
    const isFull = maxItems <= FILLED_MAX && this.#random() < 0.05
    const length = isFull
      ? maxItems
      : between(this.#random, minItems, Math.max(minItems, Math.min(maxItems, ITEMS_MAX)))
    const list = Array.from({ length }, () => this.fitting(items, name, depth + 1))
    return [...new Set(list.map((item) => JSON.stringify(item)))].map((text): unknown => JSON.parse(text))
  }

  #wrongList(schema: Schema, name: string, depth: number): unknown[] {
    const { items = {}, maxItems } = schema
    const list = this.#list(schema, name, depth)
    const kind = between(this.#random, 0, 2)
    if (kind === 0) return [...list, ...list, ...list]
    if (kind === 1 && maxItems !== undefined && maxItems <= FILLED_MAX) {
      return Array.from({ length: maxItems + 1 }, (_, index) => `x${index}`)
    }
    return [...list, this.unfitting(items, name, depth + 1)]
  }

  #object({ properties = {}, required = [], additionalProperties }: Schema, depth: number): Record<string, unknown> {
    const wanted = Object.entries(properties).filter(
      ([name]) => required.includes(name) || this.#random() < OPTIONAL_SHARE,
    )
    const named = wanted.map(([name, schema]): [string, unknown] => [name, this.fitting(schema, name, depth + 1)])
    const isOpen = typeof additionalProperties === 'object' || Object.keys(properties).length === 0
    const more = isOpen ? between(this.#random, 0, 2) : 0
    const extra = Array.from({ length: more }, (): [string, unknown] => [
      oneOf(this.#random, TEXTS),
      typeof additionalProperties === 'object'
        ? this.fitting(additionalProperties, '', depth + 1)
        : this.anything(depth + 1),
    ])
    return Object.fromEntries([...extra, ...named])
  }

  #wrongObject(schema: Schema, depth: number): Record<string, unknown> {
    const { properties = {}, required = [], additionalProperties } = schema
    const object = this.#object(schema, depth)
    const names = Object.keys(properties)
    if (names.length === 0) {
      const value =
        typeof additionalProperties === 'object' ? this.unfitting(additionalProperties, '', depth + 1) : null
      return { ...object, [oneOf(this.#random, TEXTS)]: value }
    }
    if (required.length > 0 && this.#random() < 0.2) {
      const { [oneOf(this.#random, required)]: _, ...rest } = object
      return rest
    }
    const name = oneOf(this.#random, names)
    return { ...object, [name]: this.unfitting(properties[name] ?? {}, name, depth + 1) }
  }
}

/** None of them is a place that a request could go to. */
const NO_URLS = [
  '',
  'x',
  'ftp://127.0.0.1/',
  'http://',
  'http://user:secret@127.0.0.1/',
  'http://10.0.0.1/',
  'http://[::1]:80/',
  'http://169.254.169.254/latest',
  'https://127.0.0.1:0/',
  'javascript:alert(1)',
  `http://127.0.0.1/${'x'.repeat(2_050)}`,
]
