import { text } from '#src/text.ts'
import { ApiError, type Fault } from './request.ts'

/** What the service says of other refusals is more exact; of these it speaks to programs, of tokens and entities. */
const SAID_BY_STATUS: ReadonlySet<number> = new Set([0, 401, 403, 404, 429])

/** An error in words: what happened, what can be done, which fields are concerned, and how the operator finds the request. */
export type Explained = { title: string; advice: string; faults: readonly Fault[]; requestId: string | null }

export function explain(error: unknown): Explained {
  if (!(error instanceof ApiError)) {
    return { title: text.errors.page, advice: text.errors.pageAdvice, faults: [], requestId: null }
  }
  const { status, requestId, faults } = error
  const words = text.errors.byStatus(status, error.retryAfterSeconds)
  const isOurs = SAID_BY_STATUS.has(status) || status >= 500 || faults.length > 0
  return { title: isOurs ? words.title : error.message, advice: words.advice, faults, requestId }
}

/** Where a fault is, as a form calls its fields: `url` of `['body', 'url']`, `channels` of `['body', 'channels', 0, 'url']`. */
export function fieldOf({ loc }: Fault): string {
  return String(loc[1] ?? loc[0] ?? '')
}
