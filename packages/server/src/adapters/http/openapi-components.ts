import { isDeepStrictEqual } from 'node:util'

/** Keywords of JSON Schema whose value is a schema, a list of them, or schemas by name. */
const ONE = new Set(['items', 'additionalProperties', 'not'])
const MANY = new Set(['anyOf', 'oneOf', 'allOf'])
const NAMED = new Set(['properties', 'patternProperties', '$defs'])
/** Formats of our own validators that no other one knows. */
const OWN_FORMATS = new Set(['text'])

const PARAMETERS: Readonly<Record<string, { description: string; required?: boolean; schema: object }>> = {
  'idempotency-key': {
    description: 'A later request with the same key, within 12 h, gets the first answer and has no effect.',
    schema: { type: 'string', pattern: '^[\\x20-\\x7e]{1,256}$' },
  },
  'webhook-id': { description: 'The same on every attempt and replay.', required: true, schema: { type: 'string' } },
  'webhook-timestamp': {
    description: 'Unix seconds of this attempt.',
    required: true,
    schema: { type: 'string', pattern: '^\\d+$' },
  },
  'webhook-signature': {
    description: 'Signatures of `id.timestamp.body`, separated by spaces; any may match.',
    required: true,
    schema: { type: 'string' },
  },
}

const HEADERS: Readonly<Record<string, { description: string; schema: object }>> = {
  'x-request-id': { description: 'Names the request; quote it when asking about it.', schema: { type: 'string' } },
  'x-ignored-fields': {
    description: 'Names at the top level of the body that are not known, separated by commas.',
    schema: { type: 'string' },
  },
  'x-idempotent-replay': { description: 'This is the answer of an earlier request.', schema: { const: 'true' } },
  'retry-after': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } },
  'www-authenticate': { description: 'How to come in.', schema: { type: 'string' } },
  'ratelimit-limit': { description: 'Requests in a window.', schema: { type: 'integer' } },
  'ratelimit-remaining': { description: 'Requests left in this one.', schema: { type: 'integer' } },
  'ratelimit-reset': { description: 'Seconds to its end.', schema: { type: 'integer', minimum: 1 } },
  'producersync-environment': {
    description: 'Whose data it is.',
    schema: { type: 'string', enum: ['sandbox', 'production'] },
  },
}

/** What stands once in a description and is referred to: schemas by their titles, answers, headers, parameters. */
export class Components {
  readonly #schemas = new Map<string, object>()
  readonly #responses = new Map<string, object>()
  readonly #headers = new Map<string, object>()
  readonly #parameters = new Map<string, object>()

  /** A schema as it is published: by reference when it has a title, and in words that any validator knows. */
  schema(schema: object): object {
    const { title, ...rest }: { title?: unknown } = schema
    if (typeof title !== 'string') return published(schema, (inner) => this.schema(inner))
    const full = published(rest, (inner) => this.schema(inner))
    const known = this.#schemas.get(title)
    if (known && !isDeepStrictEqual(known, full)) throw new Error(`two schemas have the title ${title}`)
    this.#schemas.set(title, full)
    return { $ref: `#/components/schemas/${title}` }
  }

  response(name: string, make: () => object): object {
    if (!this.#responses.has(name)) this.#responses.set(name, make())
    return { $ref: `#/components/responses/${name}` }
  }

  headers(names: readonly string[]): object {
    return Object.fromEntries(
      names.map((name) => {
        this.#headers.set(name, knownIn(HEADERS, name))
        return [name, { $ref: `#/components/headers/${name}` }]
      }),
    )
  }

  parameter(name: string): object {
    this.#parameters.set(name, { in: 'header', name, ...knownIn(PARAMETERS, name) })
    return { $ref: `#/components/parameters/${name}` }
  }

  all(): Record<string, Record<string, object>> {
    return {
      schemas: sorted(this.#schemas),
      responses: sorted(this.#responses),
      parameters: sorted(this.#parameters),
      headers: sorted(this.#headers),
    }
  }
}

function published(schema: object, inner: (schema: object) => object): object {
  const out: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'x-expected') out.description ??= value
    else if (keyword === 'format' && OWN_FORMATS.has(String(value))) continue
    else if (ONE.has(keyword) && isObject(value)) out[keyword] = inner(value)
    else if (MANY.has(keyword) && isList(value))
      out[keyword] = value.map((each) => (isObject(each) ? inner(each) : each))
    else if (NAMED.has(keyword) && isObject(value)) {
      out[keyword] = Object.fromEntries(
        Object.entries(value).map(([name, each]) => [name, isObject(each) ? inner(each) : each]),
      )
    } else out[keyword] = value
  }
  return out
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function knownIn<T>(known: Readonly<Record<string, T>>, name: string): T {
  const found = known[name]
  if (!found) throw new Error(`nothing is said of ${name}`)
  return found
}

function sorted(map: ReadonlyMap<string, object>): Record<string, object> {
  return Object.fromEntries([...map].sort(([one], [other]) => (one < other ? -1 : 1)))
}
