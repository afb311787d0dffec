/** What a stream can be asked for. Source: portal 10. */
export const TOPICS = ['delivery', 'endpoint', 'task', 'job', 'run', 'issue'] as const
export type Topic = (typeof TOPICS)[number]

/** One change of one object, as it stood then: ids, states, times. */
export type Change = { topic: Topic; subject: string; change: Record<string, unknown> }

/** Changes of one topic that make one message. */
export type Message = { topic: Topic; changes: Record<string, unknown>[] }

/** The messages that tell of changes: one for each topic, in the order of `TOPICS`, each object once and as it stood last. */
export function toMessages(changes: readonly Change[]): Message[] {
  return TOPICS.flatMap((topic) => {
    const bySubject = new Map<string, Record<string, unknown>>()
    for (const change of changes) {
      if (change.topic !== topic) continue
      bySubject.delete(change.subject) // a later change is told later
      bySubject.set(change.subject, change.change)
    }
    return bySubject.size === 0 ? [] : [{ topic, changes: [...bySubject.values()] }]
  })
}

/** `delivery.changed`, `task.progress` … */
export function eventOfTopic(topic: Topic): `${Topic}.changed` | `${Topic}.progress` {
  return topic === 'task' || topic === 'job' ? `${topic}.progress` : `${topic}.changed`
}
