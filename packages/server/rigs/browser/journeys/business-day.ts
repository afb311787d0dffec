/** A day of the week that has runs, after this one; holidays aside. */
export function nextBusinessDay(day: string): string {
  const next = new Date(`${day}T12:00:00Z`)
  do next.setUTCDate(next.getUTCDate() + 1)
  while (next.getUTCDay() === 0 || next.getUTCDay() === 6)
  return next.toISOString().slice(0, 10)
}
