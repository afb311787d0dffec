/** The value below or at which this share of the values is; 0 without any. Whole milliseconds. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0)
}

export function max(values: readonly number[]): number {
  return Math.round(values.reduce((most, value) => Math.max(most, value), 0))
}
