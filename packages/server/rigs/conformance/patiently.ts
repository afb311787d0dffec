import { setTimeout as sleep } from 'node:timers/promises'

const ATTEMPTS_MAX = 5

/** As any client does that is told to come again: by a limit, or by a service that has no time at the moment. */
export async function patiently(url: string, request: RequestInit): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, request)
    const comeAgainAfterS = response.headers.get('retry-after')
    const isTold = [429, 503].includes(response.status) && comeAgainAfterS !== null
    if (!isTold || attempt === ATTEMPTS_MAX) return response
    await response.body?.cancel()
    await sleep(Number(comeAgainAfterS) * 1_000)
  }
}
