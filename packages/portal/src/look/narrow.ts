import { useSyncExternalStore } from 'react'

const NARROW = matchMedia('(max-width: 767px)')

/** Is this a phone, or a page that is enlarged to the width of one? */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(watch, () => NARROW.matches)
}

function watch(changed: () => void): () => void {
  NARROW.addEventListener('change', changed)
  return () => NARROW.removeEventListener('change', changed)
}
