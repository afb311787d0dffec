import type { Endpoint, EndpointIn } from '@producersync/server/contract'
import { type UrlFault, urlFault } from '#src/endpoints/url.ts'

/** An endpoint as it is being written: what is typed stays text until it is saved. */
export type Draft = {
  url: string
  description: string
  /** null: not decided yet, which is not "all". */
  scope: 'all' | 'chosen' | null
  types: readonly string[]
  throttleRate: string
  maxConcurrency: string
  ordering: 'none' | 'fifo'
  timeoutSeconds: string
  /** Waits in seconds, separated by commas; empty: as the environment. */
  schedule: string
  channels: string
  /** `Name: value`, one to a line; of a new endpoint only. */
  headers: string
}

export const EMPTY_DRAFT: Draft = {
  url: '',
  description: '',
  scope: null,
  types: [],
  throttleRate: '',
  maxConcurrency: '',
  ordering: 'none',
  timeoutSeconds: '',
  schedule: '',
  channels: '',
  headers: '',
}

export type DraftFault = UrlFault | 'types' | 'whole_number' | 'timeout' | 'schedule' | 'headers' | 'channels'
export type DraftFaults = { [Field in keyof Draft]?: DraftFault }

export function draftOf(endpoint: Endpoint): Draft {
  const text = (value: number | null) => (value === null ? '' : String(value))
  return {
    url: endpoint.url,
    description: endpoint.description,
    scope: endpoint.eventTypes === null ? 'all' : 'chosen',
    types: endpoint.eventTypes ?? [],
    throttleRate: text(endpoint.throttleRate),
    maxConcurrency: text(endpoint.maxConcurrency),
    ordering: endpoint.ordering,
    timeoutSeconds: String(endpoint.timeoutMs / 1_000),
    schedule: endpoint.retrySchedule?.join(', ') ?? '',
    channels: endpoint.channels?.join(', ') ?? '',
    headers: '',
  }
}

/** What has to be put right before it can be saved, by field. The service checks all of it again. */
export function faultsOf(draft: Draft, { isSandbox }: { isSandbox: boolean }): DraftFaults {
  const faults: DraftFaults = {}
  const url = urlFault(draft.url, { isSandbox })
  if (url !== null) faults.url = url
  if (draft.scope === null || (draft.scope === 'chosen' && draft.types.length === 0)) faults.types = 'types'
  if (!isWhole(draft.throttleRate, 1, 65_535)) faults.throttleRate = 'whole_number'
  if (!isWhole(draft.maxConcurrency, 1, 256)) faults.maxConcurrency = 'whole_number'
  if (draft.timeoutSeconds.trim() !== '' && !isBetween(Number(draft.timeoutSeconds), 1, 30))
    faults.timeoutSeconds = 'timeout'
  const waits = words(draft.schedule)
  if (waits.length > 24 || !waits.every((wait) => isWhole(wait, 1, 86_400))) faults.schedule = 'schedule'
  if (words(draft.channels).length > 10) faults.channels = 'channels'
  if (toHeaders(draft.headers) === null) faults.headers = 'headers'
  return faults
}

/** The body that makes or changes an endpoint. Only for a draft without faults. */
export function bodyOf(draft: Draft): EndpointIn {
  const channels = words(draft.channels)
  const waits = words(draft.schedule)
  return {
    url: new URL(draft.url.trim()).href,
    description: draft.description.trim(),
    eventTypes: draft.scope === 'chosen' ? [...draft.types] : null,
    throttleRate: number(draft.throttleRate),
    maxConcurrency: number(draft.maxConcurrency),
    ordering: draft.ordering,
    timeoutMs: draft.timeoutSeconds.trim() === '' ? null : Math.round(Number(draft.timeoutSeconds) * 1_000),
    retrySchedule: waits.length === 0 ? null : waits.map(Number),
    channels: channels.length === 0 ? null : channels,
  }
}

/** `Name: value` lines as headers; null when a line is none. */
export function toHeaders(text: string): Record<string, string> | null {
  const headers: Record<string, string> = {}
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const [, name, value] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? []
    if (name === undefined || value === undefined || value === '') return null
    headers[name] = value
  }
  return headers
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '')
}

function number(text: string): number | null {
  return text.trim() === '' ? null : Number(text)
}

function isWhole(text: string, min: number, max: number): boolean {
  return text.trim() === '' || (/^\s*\d+\s*$/.test(text) && isBetween(Number(text), min, max))
}

function isBetween(value: number, min: number, max: number): boolean {
  return value >= min && value <= max
}
