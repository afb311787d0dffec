import type { Command } from 'commander'
import type { Json, Query } from '../api.ts'

/** Which deliveries: the same words for lists, exports and replays. */
export type FilterFlags = {
  state?: string
  type?: string
  class?: string
  code?: string
  npn?: string
  event?: string
  from?: string
  to?: string
}

export function withFilterFlags(command: Command): Command {
  return command
    .option('--state <states>', 'waiting, sending, retrying, delivered, exhausted, canceled')
    .option('--type <types>', 'comma-separated event types and groups')
    .option('--class <classes>', 'of the last failure: timeout, connect_refused …')
    .option('--code <codes>', 'of the last answer: 503, 4xx, 0 for none')
    .option('--npn <npn>', 'events about this producer')
    .option('--event <event>', 'of one event')
    .option('--from <time>', 'events not before, RFC 3339')
    .option('--to <time>', 'events before, RFC 3339')
}

export function filterQuery({ state, type, class: failureClass, code, npn, event: q, from, to }: FilterFlags): Query {
  return { state, type, class: failureClass, code, npn, q, from, to }
}

/** The same filter as a body has it. */
export function filterBody({ state, type, class: failureClass, code, npn, event: q, from, to }: FilterFlags): Json {
  const list = (text: string | undefined) => text?.split(',')
  return { state: list(state), type: list(type), class: list(failureClass), code: list(code), npn, q, from, to }
}
