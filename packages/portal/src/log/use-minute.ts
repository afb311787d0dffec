import { useEffect, useState } from 'react'

const STEP_MS = 60_000

/** The time, to the minute: what is read by a relative period is read anew then, and not each second. */
export function useMinute(): Date {
  const [now, setNow] = useState(thisMinute)
  useEffect(() => {
    const timer = setInterval(() => setNow(thisMinute()), STEP_MS)
    return () => clearInterval(timer)
  }, [])
  return now
}

function thisMinute(): Date {
  return new Date(Math.floor(Date.now() / STEP_MS) * STEP_MS)
}
