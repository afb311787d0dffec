import type { Wanted } from './ranges.ts'

/**
 * What rows are to have, as it is noted of them: one of the types, and the channel, and the tag, and a class of status codes.
 * @param types  no groups among them
 */
export function valuesOf({
  types,
  channel,
  tag,
  statusCodeClass = null,
}: {
  types: readonly string[] | null
  channel: string | null
  tag: string | null
  statusCodeClass?: number | null
}): Wanted {
  return [
    ...(channel === null ? [] : [[`channel:${channel}`]]),
    ...(tag === null ? [] : [[`tag:${tag}`]]),
    ...(statusCodeClass === null ? [] : [[`code:${statusCodeClass}`]]),
    ...(types === null ? [] : [types.map((type) => `type:${type}`)]),
  ]
}
