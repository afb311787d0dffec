import { text } from '#src/text.ts'
import { ApiError, type Fault } from './request.ts'

/** An error in words: what happened, what can be done, which fields are concerned, and how the operator finds the request. */
export type Explained = { title: string; advice: string; faults: readonly Fault[]; requestId: string | null }

export function explain(error: unknown): Explained {
  if (!(error instanceof ApiError)) {
    return { title: text.errors.page, advice: text.errors.pageAdvice, faults: [], requestId: null }
  }
  const { status, requestId, faults } = error
  const words = text.errors.byStatus(status, error.retryAfterSeconds)
  // what the service says about the request is more exact than what its status says
  const isOurs = status === 0 || status === 401 || status === 429 || status >= 500 || faults.length > 0
  return { title: isOurs ? words.title : error.message, advice: words.advice, faults, requestId }
}

/** Where a fault is, as a form calls its fields: `url` of `['body', 'url']`, `channels` of `['body', 'channels', 0, 'url']`. */
export function fieldOf({ loc }: Fault): string {
  return String(loc[1] ?? loc[0] ?? '')
}
