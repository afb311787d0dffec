import { useSyncExternalStore } from 'react'

/** Why staff change an account, by account: said once, and sent with each write. In memory, so that it ends with the page. */
const reasons = new Map<string, string>()
const listeners = new Set<() => void>()

export function staffReason(account: string): string | null {
  return reasons.get(account) ?? null
}

/** @param reason  null: nothing is changed any more */
export function giveStaffReason(account: string, reason: string | null): void {
  if (reason === null) reasons.delete(account)
  else reasons.set(account, reason)
  for (const listener of listeners) listener()
}

export function useStaffReason(account: string): string | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => staffReason(account),
  )
}
