import type { Ajv } from 'ajv'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import * as formats from 'ajv-formats'

/** A description, parsed: as far as answers are judged by it. */
export type Described = {
  paths: Record<string, Record<string, DescribedOperation>>
  components?: { responses?: Record<string, DescribedAnswer>; schemas?: Record<string, object> }
}
export type DescribedOperation = { operationId?: string; responses: Record<string, DescribedAnswer> }
type DescribedAnswer = { $ref?: string; content?: Record<string, { schema?: object }> }

/** An answer as a client got it. */
export type SeenAnswer = { method: string; url: string; status: number; contentType: string | null; text: string }

type Template = { path: string; pattern: RegExp; values: number }

/**
 * Holds answers against a description: is the status listed, the media type that one, the body as its schema says?
 * `closed`: members that the description does not name are faults too. Readers of an API must ignore them, but its own
 * tests must not.
 */
export class AnswerJudge {
  readonly #document: Described
  readonly #templates: Template[]
  readonly #ajv: Ajv | Ajv2020
  readonly #compiled = new Map<object, ValidateFunction>()
  readonly #closed: boolean

  /** @param options.ajv of another dialect than OpenAPI 3.1 has; `formats`: further ones, which any value has */
  constructor(
    document: Described,
    options: { closed?: boolean; ajv?: Ajv | undefined; formats?: readonly string[] } = {},
  ) {
    const { closed = false, ajv, formats: further = [] } = options
    this.#document = document
    this.#closed = closed
    this.#templates = Object.keys(document.paths).map(toTemplate).sort(moreWordsFirst)
    this.#ajv = ajv ?? new Ajv2020({ strict: false, allErrors: true })
    formats.default.default(this.#ajv)
    for (const format of further) this.#ajv.addFormat(format, true)
    const schemas = document.components?.schemas ?? {}
    this.#ajv.addSchema({ $id: 'doc', components: { schemas: closed ? toClosed(schemas) : schemas } })
  }

  /** The operation that such a request is for: `POST /api/v1/app/{app_id}/msg`; undefined when there is none. */
  operationOf(method: string, url: string): string | undefined {
    const [path = ''] = url.split('?', 1)
    const found = this.#templates.find(({ pattern }) => pattern.test(path))
    return found && this.#document.paths[found.path]?.[method.toLowerCase()] ? `${method} ${found.path}` : undefined
  }

  /** @returns what is wrong with it; nothing when it is as described, or answers a request for nothing that is */
  faultsOf({ method, url, status, contentType, text }: SeenAnswer): string[] {
    const name = this.operationOf(method, url)
    if (name === undefined) return []
    const operation = this.#document.paths[name.slice(method.length + 1)]?.[method.toLowerCase()]
    const answer = operation && this.#resolve(operation.responses[status])
    const say = (what: string) => [`${name}: ${status} ${what}`]
    if (!answer) return say('is not described')
    const types = Object.entries(answer.content ?? {})
    if (types.length === 0) return text === '' ? [] : say('has a body')
    const content = types.find(([type]) => type === contentType)
    if (!content) return say(`is ${contentType}, not ${types.map(([type]) => type).join(' or ')}`)
    const { schema } = content[1]
    if (!schema) return []
    const isJson = /[/+]json\b/.test(contentType ?? '')
    return this.#faultsOf(isJson ? JSON.parse(text) : text, schema).flatMap(say)
  }

  #resolve(answer: DescribedAnswer | undefined): DescribedAnswer | undefined {
    const name = answer?.$ref?.split('/').at(-1)
    return name === undefined ? answer : this.#document.components?.responses?.[name]
  }

  #faultsOf(value: unknown, schema: object): string[] {
    let validate = this.#compiled.get(schema)
    if (!validate) {
      const whole: unknown = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc#/'))
      validate = this.#ajv.compile(Object(this.#closed ? toClosed(whole) : whole))
      this.#compiled.set(schema, validate)
    }
    if (validate(value)) return []
    return (validate.errors ?? []).slice(0, 3).map(({ instancePath, message, params }) => {
      const { additionalProperty }: { additionalProperty?: string } = params
      return `${instancePath || 'the body'} ${message}${additionalProperty === undefined ? '' : ` (${additionalProperty})`}`
    })
  }
}

function toTemplate(path: string): Template {
  const values = path.match(/\{\w+\}/g)?.length ?? 0
  const escaped = path.split(/\{\w+\}/).map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return { path, pattern: new RegExp(`^${escaped.join('[^/]+')}/?$`), values }
}

/** A word of a path wins over a value. */
function moreWordsFirst(one: Template, other: Template): number {
  return one.values - other.values
}

/** The same with objects that have no members but the named ones. */
function toClosed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toClosed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, toClosed(value)]))
  const isObject = inner.type === 'object' && typeof inner.properties === 'object'
  return isObject && inner.additionalProperties === undefined ? { ...inner, additionalProperties: false } : inner
}
