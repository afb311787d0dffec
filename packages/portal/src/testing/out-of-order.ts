const MINUTE_MS = 60_000

type Body = Record<string, unknown>

/**
 * Two bodies of one type, of which the second happened a minute before the first.
 * @param example  JSON, an object; `timestamp` is the time of an event
 */
export function outOfOrder(example: string, now: Date): { later: Body; earlier: Body } {
  const body = JSON.parse(example) as Body
  const at = (ms: number) => ({ ...body, timestamp: new Date(ms).toISOString() })
  return { later: at(now.getTime()), earlier: at(now.getTime() - MINUTE_MS) }
}
