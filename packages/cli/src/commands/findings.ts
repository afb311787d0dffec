/** What `psapi doctor` has looked at, and what it found. */
export type Finding = { check: string; verdict: 'ok' | 'warning' | 'failed'; says: string }
