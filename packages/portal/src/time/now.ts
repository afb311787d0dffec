import { useEffect, useState } from 'react'

const STEP_MS = 1_000

/** The time, to the second; who draws it is drawn again as it passes. */
export function useNow(): Date {
  const [now, setNow] = useState(() => new Date())
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), STEP_MS)
    return () => clearInterval(timer)
  }, [])
  return now
}
