import { bearerFor, forgetBearer, sessionEnded } from '#src/session/session.ts'
import { staffReason } from '#src/session/staff-reason.ts'
import { ApiError, type RequestOptions, request } from './request.ts'

/** Query parameters; a list becomes one parameter per item, undefined none. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

type Options = Omit<RequestOptions, 'token' | 'reason'>

/** A path with its query. */
export function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one))
  }
  return search.size === 0 ? path : `${path}?${search}`
}

/** The management API's path of an account; further parts are escaped. */
export function ofAccount(account: string, ...parts: string[]): string {
  return ['/api/v1/app', account, ...parts]
    .map((part, index) => (index === 0 ? part : encodeURIComponent(part)))
    .join('/')
}

/**
 * A request with the session's token for the account. A token that ended early is renewed once.
 * @throws ApiError
 */
export async function call(account: string, path: string, options: Options = {}): Promise<Response> {
  const reason = staffReason(account) ?? undefined
  try {
    return await request(path, { ...options, reason, token: await bearerFor(account) })
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    forgetBearer(account)
  }
  const token = await bearerFor(account)
  try {
    return await request(path, { ...options, reason, token })
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) sessionEnded()
    throw error
  }
}

/** As `call`, the answer read as JSON; its type is the contract's. */
export async function fetchJson<Answer>(account: string, path: string, options: Options = {}): Promise<Answer> {
  const response = await call(account, path, options)
  return (response.status === 204 ? undefined : await response.json()) as Answer
}
