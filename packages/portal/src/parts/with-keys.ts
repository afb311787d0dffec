/** Names the keys that do the same. React Aria passes no such attribute on. */
export function withKeys(keys: string | undefined): (element: HTMLElement | null) => void {
  return (element) => {
    if (keys !== undefined) element?.setAttribute('aria-keyshortcuts', keys)
  }
}
