import { useSyncExternalStore } from 'react'

/** `browser`, `UTC`, or any IANA name. */
export type ZoneChoice = string

const KEY = 'psapi.zone'
const listeners = new Set<() => void>()
let choice: ZoneChoice | undefined
/** What `u` goes back to. */
let beforeUtc: ZoneChoice = 'browser'

function readChoice(): ZoneChoice {
  choice ??= validChoice(globalThis.localStorage?.getItem(KEY))
  return choice
}

function validChoice(text: string | null | undefined): ZoneChoice {
  return text != null && (text === 'browser' || isZone(text)) ? text : 'browser'
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

export function setZone(next: ZoneChoice): void {
  const before = readChoice()
  if (next === 'UTC' && before !== 'UTC') beforeUtc = before
  choice = validChoice(next)
  localStorage.setItem(KEY, choice)
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
