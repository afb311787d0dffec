import { useSyncExternalStore } from 'react'
import { keep, kept } from '#src/look/kept.ts'

/** `browser`, `UTC`, or any IANA name. */
export type ZoneChoice = string

const KEY = 'psapi.zone'
const listeners = new Set<() => void>()
let choice: ZoneChoice | undefined
let accountZone: ZoneChoice = 'browser'
/** What `u` goes back to. */
let beforeUtc: ZoneChoice = 'browser'

function readChoice(): ZoneChoice {
  choice ??= validChoice(kept(KEY))
  return choice ?? accountZone
}

function validChoice(text: string | null): ZoneChoice | undefined {
  return text !== null && (text === 'browser' || isZone(text)) ? text : undefined
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export function browserZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** The IANA name of a choice. */
function zoneOf(choice: ZoneChoice): string {
  return choice === 'browser' ? browserZone() : choice
}

/** The account's zone, which those read in who have chosen none. @param zone  an IANA name; null: that of the browser */
export function setAccountZone(zone: string | null): void {
  accountZone = zone !== null && isZone(zone) ? zone : 'browser'
  for (const listener of listeners) listener()
}

export function setZone(next: ZoneChoice): void {
  const before = readChoice()
  if (next === 'UTC' && before !== 'UTC') beforeUtc = before
  choice = validChoice(next) ?? 'browser'
  keep(KEY, choice)
  for (const listener of listeners) listener()
}

/** UTC, and back to what was chosen before. */
export function toggleUtc(): void {
  setZone(readChoice() === 'UTC' ? beforeUtc : 'UTC')
}

export function useZoneChoice(): ZoneChoice {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    readChoice,
    () => 'UTC',
  )
}

/** The IANA name of the zone in which this person reads times. */
export function useZone(): string {
  return zoneOf(useZoneChoice())
}
