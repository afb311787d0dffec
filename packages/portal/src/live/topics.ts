/** What a live stream tells of. */
export const TOPICS = ['delivery', 'endpoint', 'task', 'job', 'run', 'issue'] as const
export type Topic = (typeof TOPICS)[number]

/** The topic of `delivery.changed`, `task.progress` …; null for `resync` and `bye`, which concern all. */
export function topicOf(type: string): Topic | null {
  return TOPICS.find((topic) => type.startsWith(`${topic}.`)) ?? null
}
