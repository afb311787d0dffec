import type { OpenedSession, Session, SessionToken } from '@producersync/server/contract'
import { ApiError, request } from '#src/api/request.ts'

/**
 * Who is signed in. `ended`: somebody was, and what is typed on the page has to survive until they are again.
 */
export type SessionState =
  | { kind: 'unknown' }
  | { kind: 'none' }
  | { kind: 'open'; session: Session }
  | { kind: 'ended'; session: Session }

type Bearer = { token: string; expiresAtMs: number }

/** A token is renewed so long before it ends. */
const RENEW_BEFORE_MS = 60_000

let state: SessionState = { kind: 'unknown' }
/** In memory only: storage would outlive the page and be read by others. By account. */
const bearers = new Map<string, Promise<Bearer>>()
/** An embedded page has no cookie: its tokens are renewed by the last one. */
let embedded: Bearer | null = null
const listeners = new Set<() => void>()

export function sessionState(): SessionState {
  return state
}

export function onSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function become(next: SessionState): void {
  state = next
  for (const listener of listeners) listener()
}

/** Asks once who is signed in. */
export async function loadSession(): Promise<SessionState> {
  if (state.kind !== 'unknown') return state
  try {
    await resumeSession()
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    become({ kind: 'none' })
  }
  return state
}

/** Spends the key of a login link. @throws ApiError 401 when it cannot be used (any more) */
export async function signIn(key: string, { embed }: { embed: boolean }): Promise<Session> {
  const response = await request('/portal/session', { method: 'POST', body: embed ? { key, embed } : { key } })
  const opened = (await response.json()) as OpenedSession
  bearers.clear()
  embedded =
    opened.token !== undefined && opened.tokenExpiresAt !== undefined
      ? { token: opened.token, expiresAtMs: Date.parse(opened.tokenExpiresAt) }
      : null
  become({ kind: 'open', session: opened })
  return opened
}

/** After signing in again in another tab, or when something of the session has changed. @throws ApiError 401 when nobody has */
export async function resumeSession(): Promise<void> {
  const response = await request('/portal/session', { token: embedded?.token })
  become({ kind: 'open', session: (await response.json()) as Session })
}

/** Somebody is there. */
export async function stay(): Promise<void> {
  await ofSession('POST', '/portal/session/extend', {})
}

/** Ends the session here, or everywhere, and leaves: with the page goes all that it has read. */
export async function signOut({ everywhere }: { everywhere: boolean }): Promise<void> {
  try {
    await request('/portal/session', { method: 'DELETE', body: { everywhere }, token: embedded?.token })
  } catch (error) {
    // without a session there is nothing to end
    if (!(error instanceof ApiError) || error.status !== 401) throw error
  }
  location.assign('/portal/login')
}

/** The session is over: the page says so and keeps what it shows. */
export function sessionEnded(): void {
  bearers.clear()
  if (state.kind === 'open') become({ kind: 'ended', session: state.session })
}

/** A bearer token for the APIs. @throws ApiError 401 when the session has ended */
export async function bearerFor(shown: string): Promise<string> {
  const account = holderOf(shown)
  const held = await bearers.get(account)?.catch(() => undefined)
  if (held && held.expiresAtMs - Date.now() > RENEW_BEFORE_MS) return held.token
  const renewed = bearers.get(account + RENEWING) ?? renew(account)
  bearers.set(account + RENEWING, renewed)
  try {
    const bearer = await renewed
    bearers.set(account, Promise.resolve(bearer))
    return bearer.token
  } finally {
    bearers.delete(account + RENEWING)
  }
}

const RENEWING = ' renewing'
/** In place of an account. */
export const STAFF = ''

/** A token that was refused is asked for anew. */
export function forgetBearer(account: string): void {
  bearers.delete(holderOf(account))
}

/** Staff have one token, whatever they look at. */
function holderOf(account: string): string {
  return state.kind === 'open' && state.session.staff ? STAFF : account
}

async function renew(account: string): Promise<Bearer> {
  if (embedded && embedded.expiresAtMs - Date.now() > RENEW_BEFORE_MS) return embedded
  const body = account === STAFF ? {} : { account }
  const answer = (await ofSession('POST', '/portal/session/token', body)) as SessionToken
  const bearer = { token: answer.token, expiresAtMs: Date.parse(answer.tokenExpiresAt) }
  if (embedded) embedded = bearer
  return bearer
}

async function ofSession(method: string, path: string, body: object): Promise<unknown> {
  try {
    const response = await request(path, { method, body, token: embedded?.token })
    const answer: unknown = await response.json()
    if (path.endsWith('/extend')) become({ kind: 'open', session: answer as Session })
    return answer
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) sessionEnded()
    throw error
  }
}
