/**
 * What this browser keeps of how somebody reads. In a frame of another site storage may be refused: then it is kept for as long
 * as the page is there.
 */
const held = new Map<string, string>()

export function kept(key: string): string | null {
  try {
    return globalThis.localStorage?.getItem(key) ?? null
  } catch {
    return held.get(key) ?? null
  }
}

/** @param value  null: none any more */
export function keep(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    if (value === null) held.delete(key)
    else held.set(key, value)
  }
}
