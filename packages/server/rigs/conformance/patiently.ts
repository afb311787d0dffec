import { setTimeout as sleep } from 'node:timers/promises'

const ATTEMPTS_MAX = 5

/**
 * As any client does that is told to come again.
 * @param toldS  the seconds after which an answer says to; null: it does not
 * @param leave  an answer whose body nobody reads
 */
export async function patiently<Answer>(
  ask: () => Promise<Answer>,
  toldS: (answer: Answer) => string | null,
  leave: (answer: Answer) => Promise<void> | undefined,
): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask()
    const comeAgainAfterS = toldS(answer)
    if (comeAgainAfterS === null || attempt === ATTEMPTS_MAX) return answer
    await leave(answer)
    await sleep(Number(comeAgainAfterS) * 1_000)
  }
}

/** Told by a limit, or by a service that has no time at the moment. */
export async function fetchPatiently(url: string, request: RequestInit): Promise<Response> {
  return await patiently(
    () => fetch(url, request),
    ({ status, headers }) => (status === 429 || status === 503 ? headers.get('retry-after') : null),
    ({ body }) => body?.cancel(),
  )
}
