import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import type { TObject, TSchema } from 'typebox'
import type { ErrorCode } from '#src/domain-error.ts'

/**
 * What openapi.json says of a route beside its method, its path and who may call it. A schema with a `title` stands there
 * once, under that name. See docs/decisions/0016.
 */
export type Operation = {
  /** `v1.endpoint.list`: unique, and the Svix description's own where it has the operation. The word before the last is its tag. */
  id: string
  summary: string
  description?: string
  /** Values of the path. One that is left out is an id or a uid: text of 1 to 256 characters. */
  path?: Readonly<Record<string, TSchema>>
  /** What `queryOf` reads. */
  query?: TObject
  /** What `bodyOf` reads, and what the route cuts from the body's bytes itself. */
  body?: TSchema
  /** Of a route that reads its body itself: by media type, instead of `body`. */
  bodies?: Readonly<Record<string, TSchema>>
  /** Media types of what succeeds, where it is not the family's. */
  answerType?: string | readonly string[]
  /** By status; null: without a body. */
  answers: Readonly<Record<number, TSchema | null>>
  /** The answer is a stream of server-sent events: the JSON in `data` of each kind of message. */
  stream?: Readonly<Record<string, TSchema>>
  /** Codes of refusals beside those that each operation of the family has. */
  refusals?: readonly ErrorCode[]
}

/** Options of a route, with its description. */
export function described<Options extends { config: FastifyContextConfig }>(options: Options, operation: Operation) {
  return { ...options, config: { ...options.config, operation } }
}

/**
 * A route that describes itself reads by the schemas it shows, or its description would be of something else.
 * @param raw  names of the body that it describes and cuts from the bytes itself
 * @throws an error, a defect of the route
 */
export function mustBeDescribed(
  { routeOptions }: Partial<Pick<FastifyRequest, 'routeOptions'>>,
  part: 'query' | 'body',
  schema: TObject,
  raw: readonly string[] = [],
): void {
  const operation = routeOptions?.config.operation
  if (operation && !isShown(schema, operation[part], raw)) {
    throw new Error(`${operation.id} reads its ${part} by another schema than it describes`)
  }
}

function isShown(schema: TObject, described: TSchema | undefined, raw: readonly string[]): boolean {
  if (described === schema) return true
  if (described === undefined || raw.length === 0) return false
  const { properties = {} }: { properties?: Record<string, TSchema> } = described
  const { properties: read }: { properties: Record<string, TSchema> } = schema
  const isSame = Object.entries(read).every(([name, one]) => properties[name] === one)
  return isSame && Object.keys(properties).every((name) => Object.hasOwn(read, name) || raw.includes(name))
}
