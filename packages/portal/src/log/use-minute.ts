import { useEffect, useState } from 'react'

const STEP_MS = 60_000

/** The time, to the minute: what is read by a relative period is read anew then, and not each second. */
export function useMinute(): Date {
  const [now, setNow] = useState(() => new Date())
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), STEP_MS)
    return () => clearInterval(timer)
  }, [])
  return now
}
