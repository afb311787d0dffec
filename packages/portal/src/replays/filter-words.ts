import { filterWords } from '#src/log/filter-words.ts'
import type { Filters } from '#src/log/filters.ts'
import { text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'

const words = deliveryText.log

/** What bulk replays by the API of endpoints are of, beside the filters of the log. */
type Bulk = {
  eventTypes?: readonly string[]
  channel?: string
  tag?: string
  status?: number
  statusCodeClass?: number
}

/** By the number that the API of endpoints has for each; 3 is also that of what is retried. */
const STATES = ['delivered', 'waiting', 'exhausted', 'sending', 'canceled'] as const

/** What a replay is of, as one would say it; its endpoint and its period are said beside it. */
export function replayFilterWords(filter: object): string | undefined {
  const { eventTypes, channel, tag, status, statusCodeClass }: Bulk = filter
  const { test, slow, ...given }: Record<string, unknown> = { ...filter }
  const parts = [
    filterWords({
      ...(given as Filters),
      ...(eventTypes && { type: [...eventTypes] }),
      ...(typeof test === 'boolean' && { test: test ? 'true' : 'false' }),
      ...(slow === true && { slow: 'true' }),
      ...(statusCodeClass !== undefined && { code: [codeOf(statusCodeClass)] }),
    }),
    channel && words.channel(channel),
    tag && words.tag(tag),
    status !== undefined && text.states[STATES[status] ?? 'waiting'],
  ]
  return parts.filter((part) => typeof part === 'string' && part !== '').join(', ') || undefined
}

/** `500` is a class of codes there, `5xx` here. */
function codeOf(statusCodeClass: number): string {
  return statusCodeClass === 0 ? '0' : `${statusCodeClass / 100}xx`
}
