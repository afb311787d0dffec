import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import { DomainError, notFound } from '#src/domain-error.ts'
import { UNKEPT } from './audit-note.ts'
import {
  countRequest,
  hasUnreadBody,
  lingering,
  newRequestId,
  refuseBrokenRequest,
  refuseOddRequests,
  STANDARD_HEADERS,
} from './connections.ts'
import { readablePath } from './path.ts'
import { managementBody, type Problem, problemOf, serverError } from './problem.ts'
import './request.ts'

const KIB = 1_024

/** Most bytes of a body, by what it is. Source: webhook-api 1, reliability-security 11. */
export const BODY_BYTES_MAX = {
  default: 64 * KIB,
  /** `POST …/msg`: what the setting may be raised to; its default is 256 KiB. */
  event: KIB * KIB,
  batch: KIB * KIB,
  population: KIB * KIB,
  /** A list of NPNs to preview. Read as a stream by its route. */
  npnList: 20 * KIB * KIB,
  openapi: 2 * KIB * KIB,
} as const

/** Source: reliability-security 11, "API server". */
export type HttpLimits = {
  headBytesMax: number
  /** From the first byte of a request to the end of its head, and to the end of its body. */
  headMsMax: number
  requestMsMax: number
  requestsPerSocketMax: number
  idleSocketMs: number
}

const HTTP_LIMITS: HttpLimits = {
  headBytesMax: 16 * KIB,
  headMsMax: 10_000,
  requestMsMax: 30_000,
  requestsPerSocketMax: 1_000,
  idleSocketMs: 72_000,
}

const NO_BYTES = Buffer.alloc(0)
const CHARSET = '; charset=utf-8'
const FRAME = /^\s+at /

/**
 * The HTTP server, without routes: what every answer has, how requests are read, how refusals and defects are answered.
 * Routes go into one of its families (`managementRoutes`, `producersyncRoutes`, `oauthRoutes`); what stands outside them
 * judges no token.
 * @param log        one line per request, of a fixed set of fields
 * @param trustProxy whose `x-forwarded-for` names the client's address; by default nobody's
 */
export function createHttp({
  log,
  trustProxy = false,
  limits: changed = {},
}: {
  log: FastifyBaseLogger
  trustProxy?: boolean | string[]
  limits?: Partial<HttpLimits>
}): FastifyInstance {
  const limits = { ...HTTP_LIMITS, ...changed }
  const http: FastifyInstance = fastify({
    loggerInstance: log,
    // the lines of a request are written below: Fastify's own hold raw paths and messages
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    genReqId: newRequestId,
    requestIdHeader: false,
    trustProxy,
    bodyLimit: BODY_BYTES_MAX.default,
    requestTimeout: limits.requestMsMax,
    keepAliveTimeout: limits.idleSocketMs,
    return503OnClosing: false,
    rewriteUrl: (request) => readablePath(request.url ?? '/'),
    frameworkErrors: (error, request, reply) => {
      begin(request, reply, limits)
      void answerError(error, request, reply, managementBody)
    },
    clientErrorHandler: refuseBrokenRequest,
    routerOptions: {
      ignoreTrailingSlash: true,
      // longer values than 256 are refused where the caller is known (`hasImpossiblePathValue`)
      maxParamLength: limits.headBytesMax,
      querystringParser: (text) => ({ text }),
    },
    http: {
      maxHeaderSize: limits.headBytesMax,
      headersTimeout: limits.headMsMax,
      connectionsCheckingInterval: Math.min(1_000, limits.headMsMax),
      insecureHTTPParser: false,
      // Node's own refusal has no body
      requireHostHeader: false,
    },
  })
  refuseOddRequests(http.server)

  http.decorateRequest('bytes')
  http.decorateRequest('ignoredFields')
  http.decorateRequest('principal')
  http.decorateRequest('account')
  http.decorateRequest('audit')
  http.decorateRequest('family')
  http.decorateRequest('scanned')
  http.decorateRequest('parameters')

  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    // `parseAs: 'buffer'` promises one
    if (Buffer.isBuffer(body)) request.bytes = body
    done(null)
  })

  http.addHook('onRequest', (request, reply, done) => {
    begin(request, reply, limits)
    const lacksHost = request.headers.host === undefined && request.raw.httpVersion === '1.1'
    done(lacksHost ? new DomainError('unreadable_query', 'The request names no host.') : undefined)
  })
  let isStopping = false
  http.addHook('preClose', (done) => {
    isStopping = true
    done()
  })
  http.addHook('onSend', (request, reply, payload, done) => {
    if (isStopping) reply.header('connection', 'close') // else the client decides when this process may end
    done(null, finish(request, reply, payload))
  })
  http.addHook('onResponse', (request, reply, done) => {
    logAnswer(request, reply)
    done()
  })
  http.setErrorHandler((error, request, reply) => answerError(error, request, reply, managementBody))
  http.setNotFoundHandler(() => {
    throw notFound()
  })
  return http
}

/**
 * Answers what went wrong: refusals as what they are, defects as 500 with the request's id, which the log explains.
 * @param toBody the shape of one API's errors
 */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  toBody: (problem: Problem) => object,
  toProblem: (error: unknown) => Problem | null = problemOf,
): FastifyReply {
  let problem = toProblem(error)
  if (problem === null) {
    logDefect(error, request)
    problem = serverError(request.id)
  }
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds))
  return reply.code(problem.status).type('application/json').send(toBody(problem))
}

function begin(request: FastifyRequest, reply: FastifyReply, { requestsPerSocketMax }: HttpLimits): void {
  request.bytes = NO_BYTES
  request.ignoredFields = []
  request.audit = UNKEPT
  reply.headers(STANDARD_HEADERS).header('x-request-id', request.id)
  // Node's own limit announces the end and then answers further requests without a body
  if (countRequest(request.raw, reply.raw) >= requestsPerSocketMax) reply.header('connection', 'close')
}

function finish(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  const contentType = reply.getHeader('content-type')
  if (typeof contentType === 'string' && contentType.endsWith(`json${CHARSET}`)) {
    // JSON is UTF-8; the media type has no such parameter (RFC 8259, 11)
    reply.header('content-type', contentType.slice(0, -CHARSET.length))
  }
  if (!hasUnreadBody(request.raw)) return payload
  reply.header('connection', 'close')
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload
  reply.header('content-length', String(Buffer.byteLength(payload)))
  return lingering(payload, request.raw)
}

function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  request.log.info(
    {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      environment: environmentOf(request),
    },
    'http.answered',
  )
}

/** Where a defect is; not its message, which may quote what was sent or stored. */
function logDefect(error: unknown, request: FastifyRequest): void {
  const causes: { name: string; code?: string; at: string[] }[] = []
  for (let each = error; each instanceof Error && causes.length < 5; each = each.cause) {
    const code = 'code' in each && typeof each.code === 'string' ? each.code : undefined
    const at = (each.stack ?? '').split('\n').filter((line) => FRAME.test(line))
    causes.push({ name: each.name, code, at: at.map((line) => line.trim()) })
  }
  request.log.error(
    {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? null,
      environment: environmentOf(request),
      causes,
    },
    'http.failed',
  )
}

function environmentOf(request: FastifyRequest): string | null {
  // a request that was refused before its token was judged has none
  const { principal }: { principal?: FastifyRequest['principal'] } = request
  return principal?.environment ?? null
}
