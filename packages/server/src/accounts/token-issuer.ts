import OAuth2Server from '@node-oauth/oauth2-server'
import type { Clock } from '#src/adapters/clock.ts'
import type { RateWindow } from '#src/adapters/http/producersync.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { grantOf, isScope } from './clients.ts'
import { newCredential } from './credentials.ts'
import { type Scope, visibleTo } from './principal.ts'
import { addressSubject, type RateLimiter, TOKEN_REQUESTS_PER_MINUTE } from './rate-limit.ts'
import { addFailure, blockedUntil, readFailures, refusedUntil } from './token-failures.ts'
import { ACCESS_TOKEN_SECONDS, type ClientGrant, insertAccessToken } from './tokens.ts'

/** A request to the token endpoint, as HTTP brought it. A parameter that came more than once is an array. */
export type TokenRequest = {
  form: Readonly<Record<string, unknown>>
  hasQuery: boolean
  contentType: string | undefined
  authorization: string | undefined
  address: string
}

/** What HTTP answers, always with `cache-control: no-store`. */
export type TokenAnswer = { status: number; headers: Record<string, string>; body: Record<string, unknown> }

type Parts = { database: Database; clock: Clock; ids: IdSource; limiter: RateLimiter }
type Credentials = { clientId: string; secret: string; address: string }
type Fault = { status: number; error: string; description: string }

const GRANT_TYPE = 'client_credentials'
const FORM = 'application/x-www-form-urlencoded'

/** Too many requests or failures; never seen outside this file. */
class TooMany extends Error {
  readonly window: RateWindow

  constructor(window: RateWindow) {
    super('too many')
    this.window = window
  }
}

/**
 * Issues access tokens for client credentials. Errors are answers by RFC 6749 5.2; unknown client, wrong secret and
 * revoked ones get the same, at the same cost.
 * @throws only what the database throws
 */
export class TokenIssuer {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async answer(request: TokenRequest): Promise<TokenAnswer> {
    const form = parametersOf(request.form)
    const fault = form ? faultOf(request, form) : invalidRequest('A parameter was sent more than once.')
    if (!form || fault) return await this.#unauthenticated(request.address, fault ?? invalidRequest('Unreadable form.'))
    let client: { grant: ClientGrant; window: RateWindow } | undefined
    let failure: unknown
    const checkClient = async (clientId: string, secret: string) => {
      try {
        client = await this.#authenticate({ clientId, secret, address: request.address })
      } catch (error) {
        failure = error // the library would wrap it
        throw error
      }
      return client && { id: client.grant.clientId, grants: [GRANT_TYPE] }
    }
    const server = new OAuth2Server({
      accessTokenLifetime: ACCESS_TOKEN_SECONDS,
      model: this.#model(() => client?.grant, checkClient),
    })
    try {
      const issued = new OAuth2Server.Response()
      await server.token(toLibrary(request, form), issued)
      const body: object = issued.body
      // the library counts the seconds left by a clock that is not ours
      return answerOf(200, { ...body, expires_in: ACCESS_TOKEN_SECONDS }, client?.window)
    } catch (error) {
      const cause = failure ?? error
      if (cause instanceof TooMany) return tooMany(cause.window)
      const refused = cause instanceof OAuth2Server.OAuthError ? faultFrom(cause, request) : undefined
      if (!refused) throw cause
      return client ? refuse(refused, client.window) : await this.#unauthenticated(request.address, refused)
    }
  }

  /** Every attempt does the same look-ups, whatever is wrong with it. */
  async #authenticate({ clientId, secret, address }: Credentials) {
    const { database, clock, limiter } = this.#parts
    const subjects = { client: `token-client:${clientId}`, address: `token-${addressSubject(address)}` }
    const now = clock.now()
    const { client, address: caller } = await readFailures(database, subjects)
    const until = refusedUntil(client, caller, now)
    if (until) throw new TooMany(blockedWindow(until, now))
    const grant = await grantOf(database, clientId, secret)
    if (!grant) {
      const before = await database.transaction({}, (tx) => addFailure(tx, subjects, now))
      const blocked = blockedUntil(before.client, before.address, now)
      if (blocked) throw new TooMany(blockedWindow(blocked, now))
      return undefined
    }
    const window = await limiter.take(`token:${grant.clientId}`, TOKEN_REQUESTS_PER_MINUTE)
    if (!window.allowed) throw new TooMany(window)
    return { grant, window }
  }

  #model(
    granted: () => ClientGrant | undefined,
    getClient: (id: string, secret: string) => Promise<OAuth2Server.Client | undefined>,
  ): OAuth2Server.ClientCredentialsModel {
    const { database, ...parts } = this.#parts
    return {
      getClient,
      getUserFromClient: async (client) => ({ id: client.id }),
      getAccessToken: async () => null, // tokens are read by `access.ts`
      validateScope: async (_user, _client, wanted) => allowedScopes(granted()?.scopes ?? [], wanted),
      generateAccessToken: async () => newCredential('at_'),
      saveToken: async (token, client, user) => {
        const grant = granted()
        if (!grant) throw new Error('a token was made for no client')
        const scopes = (token.scope ?? []).filter(isScope)
        await database.transaction({ settings: visibleTo(grant.environment, grant.accountId) }, (tx) =>
          insertAccessToken(tx, parts, grant, { text: token.accessToken, scopes }),
        )
        return { accessToken: token.accessToken, scope: scopes, client, user }
      },
    }
  }

  /** Requests without a valid client count for their address. */
  async #unauthenticated(address: string, fault: Fault): Promise<TokenAnswer> {
    const window = await this.#parts.limiter.take(`token-${addressSubject(address)}`, TOKEN_REQUESTS_PER_MINUTE)
    return window.allowed ? refuse(fault, window) : tooMany(window)
  }
}

/** The scopes of the token: all of the client's, or those asked for; undefined when one is not the client's. */
function allowedScopes(held: readonly Scope[], wanted: readonly string[] | undefined): Scope[] | undefined {
  if (!wanted) return [...held]
  const asked = new Set(wanted)
  const allowed = held.filter((scope) => asked.has(scope))
  return allowed.length === asked.size ? allowed : undefined
}

/** Each parameter once; one without a value counts as omitted (RFC 6749 3.2). Undefined when one came more than once. */
function parametersOf(form: TokenRequest['form']): Map<string, string> | undefined {
  const given = Object.entries(form).filter(([, value]) => value !== '')
  const parameters = new Map<string, string>()
  for (const [name, value] of given) {
    if (typeof value !== 'string') return undefined
    parameters.set(name, value)
  }
  return parameters
}

/** What can be said before any client is looked up. */
function faultOf(request: TokenRequest, form: Map<string, string>): Fault | undefined {
  const { authorization } = request
  if (request.contentType?.split(';')[0]?.trim().toLowerCase() !== FORM)
    return invalidRequest(`The body must be ${FORM}.`)
  if (request.hasQuery) return invalidRequest('Parameters belong in the body, not in the URL.')
  if (authorization !== undefined && form.has('client_secret'))
    return invalidRequest('Send the credentials in one way only.')
  const grantType = form.get('grant_type')
  if (grantType === undefined) return invalidRequest('Missing parameter: grant_type.')
  if (grantType !== GRANT_TYPE) {
    return { status: 400, error: 'unsupported_grant_type', description: `The grant type must be ${GRANT_TYPE}.` }
  }
  const basic = authorization === undefined ? undefined : basicCredentials(authorization)
  if (authorization !== undefined && !basic) return invalidClient
  if (basic && form.has('client_id') && form.get('client_id') !== basic.id)
    return invalidRequest('Two client ids were sent.')
  return undefined
}

/** Both parts of `Basic …`, or undefined when one is missing. */
function basicCredentials(authorization: string): { id: string } | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(authorization) ?? []
  const [, id] = /^([^:]+):.+$/.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? []
  return id === undefined ? undefined : { id }
}

const invalidClient: Fault = { status: 401, error: 'invalid_client', description: 'Unknown client, or wrong secret.' }

function invalidRequest(description: string): Fault {
  return { status: 400, error: 'invalid_request', description }
}

function toLibrary(request: TokenRequest, form: Map<string, string>): OAuth2Server.Request {
  const headers = {
    'content-type': FORM,
    'content-length': '1', // there is a body: it has been read
    ...(request.authorization === undefined ? {} : { authorization: request.authorization }),
  }
  return new OAuth2Server.Request({ method: 'POST', headers, query: {}, body: Object.fromEntries(form) })
}

/** The library's error as ours; undefined for a defect. */
function faultFrom(error: OAuth2Server.OAuthError, request: TokenRequest): Fault | undefined {
  switch (error.name) {
    case 'invalid_client':
      return invalidClient
    case 'invalid_scope':
      return { status: 400, error: error.name, description: 'The client may not have this scope.' }
    case 'invalid_request':
      return request.authorization === undefined
        ? invalidRequest(`${error.message.replaceAll('`', '')}.`)
        : invalidClient
    default:
      return undefined
  }
}

function refuse(fault: Fault, window: RateWindow): TokenAnswer {
  const answer = answerOf(fault.status, { error: fault.error, error_description: fault.description }, window)
  if (fault.status === 401) answer.headers['www-authenticate'] = 'Basic realm="producersync"'
  return answer
}

function tooMany(window: RateWindow): TokenAnswer {
  const body = { error: 'temporarily_unavailable', error_description: 'Too many requests; wait as retry-after says.' }
  const answer = answerOf(429, body, window)
  answer.headers['retry-after'] = String(window.resetSeconds)
  return answer
}

function blockedWindow(until: Date, now: Date): RateWindow {
  const resetSeconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000))
  return { allowed: false, limit: TOKEN_REQUESTS_PER_MINUTE, remaining: 0, resetSeconds }
}

function answerOf(status: number, body: Record<string, unknown>, window: RateWindow | undefined): TokenAnswer {
  const headers: Record<string, string> = { 'cache-control': 'no-store', pragma: 'no-cache' }
  if (window) {
    headers['ratelimit-limit'] = String(window.limit)
    headers['ratelimit-remaining'] = String(window.remaining)
    headers['ratelimit-reset'] = String(window.resetSeconds)
  }
  return { status, headers, body }
}
