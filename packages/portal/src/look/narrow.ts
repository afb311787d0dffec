import { useCallback, useMemo, useSyncExternalStore } from 'react'

/** A phone, or a page that is enlarged to the width of one. */
const PHONE_MAX = 767

/** Is the page no wider than so many CSS pixels? By default, is it a phone's? */
export function useIsNarrow(widthMax = PHONE_MAX): boolean {
  const query = useMemo(() => matchMedia(`(max-width: ${widthMax}px)`), [widthMax])
  const watch = useCallback(
    (changed: () => void) => {
      query.addEventListener('change', changed)
      return () => query.removeEventListener('change', changed)
    },
    [query],
  )
  return useSyncExternalStore(watch, () => query.matches)
}
