import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const TRIES_MAX = 120
const TRY_AGAIN_MS = 500

/** Asks again while the service is busy: with one key, as a refusal may come after the commit, and nothing is to be made twice. */
export async function insist(url: string, request: RequestInit): Promise<Response> {
  const headers = new Headers(request.headers)
  if (request.method === 'POST') headers.set('idempotency-key', randomUUID())
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(url, { ...request, headers })
    if ((answer.status !== 429 && answer.status !== 503) || tries === TRIES_MAX) return answer
    await answer.arrayBuffer()
    await sleep(TRY_AGAIN_MS)
  }
}
