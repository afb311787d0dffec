/** The command line cannot be understood; the message says why. */
export class UsageFault extends Error {}

/** A whole number of a command line. @throws UsageFault */
export function integer(name: string, text: string | undefined, fallback: number, min: number, max: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (text !== '' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageFault(`--${name} must be a whole number from ${min} to ${max}`)
}
