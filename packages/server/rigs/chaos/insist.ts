import { setTimeout as sleep } from 'node:timers/promises'

const TRIES_MAX = 30
const TRY_AGAIN_MS = 500

/** Asks again while the service is busy. */
export async function insist(url: string, request: RequestInit): Promise<Response> {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(url, request)
    if ((answer.status !== 429 && answer.status !== 503) || tries === TRIES_MAX) return answer
    await answer.arrayBuffer()
    await sleep(TRY_AGAIN_MS)
  }
}
