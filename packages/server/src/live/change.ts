/** What a stream can be asked for. Source: portal 10. */
export const TOPICS = ['delivery', 'endpoint', 'task', 'job', 'run', 'issue'] as const
export type Topic = (typeof TOPICS)[number]
