/** What the exit code of the process says. 0 is done, 1 a bug. */
export const EXIT = {
  bug: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  unavailable: 5,
  timedOut: 6,
  refused: 7,
  rateLimited: 8,
  notVerified: 9,
  partly: 10,
  interrupted: 130,
} as const

const MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  bug: 'unexpected: a bug',
  usage: 'usage, missing input, bad configuration',
  notAllowed: 'not signed in, or not allowed',
  notFound: 'not found',
  unavailable: 'network or service unavailable',
  timedOut: 'timed out (--wait, --timeout)',
  refused: 'refused by the service',
  rateLimited: 'rate limited (after --retries)',
  notVerified: 'verification failed (verify, endpoints check)',
  partly: 'partly done; a test that its receiver did not take; warnings with doctor --strict',
  interrupted: 'interrupted',
}

/** Of the help. */
export function exitCodes(): string {
  const lines = Object.entries(EXIT).map(
    ([word, code]) => `  ${String(code).padEnd(3)}  ${MEANINGS[word as keyof typeof EXIT]}`,
  )
  return `\nExit codes:\n  0    done\n${lines.join('\n')}\n`
}

export type FailureDetails = {
  exit: (typeof EXIT)[keyof typeof EXIT]
  /** Stable word for programs; the service's own where it gave one. */
  code: string
  /** What to do about it. */
  hint?: string
  requestId?: string
  /** HTTP status, where the service answered. */
  status?: number
}

/** Why a command ends without its result. Its texts hold no secret. */
export class Failure extends Error {
  readonly details: FailureDetails

  constructor(message: string, details: FailureDetails) {
    super(message)
    this.details = details
  }
}

export function usageFailure(message: string, hint?: string): Failure {
  return new Failure(message, { exit: EXIT.usage, code: 'usage', hint })
}

/** What stderr says of a failure: lines for people, or one line of JSON. */
export function failureText(failure: Failure, json: boolean): string {
  const { code, hint, requestId, status } = failure.details
  if (json) return `${JSON.stringify({ error: { code, message: failure.message, hint, requestId, status } })}\n`
  const lines = [`error: ${failure.message}`, hint && `hint: ${hint}`, requestId && `request: ${requestId}`]
  return `${lines.filter(Boolean).join('\n')}\n`
}
