import { expect, test } from 'vitest'
import { retryMs } from './live-stream.ts'
import { topicOf } from './topics.ts'

test('a lost stream is opened again after 1 to 30 s, for ever, and never by all at once', () => {
  const waits = [1, 2, 3, 6, 1_000].map((failures) => [retryMs(failures, 0), retryMs(failures, 1)])
  expect(waits).toEqual([
    [1_000, 1_000],
    [2_000, 1_000],
    [4_000, 2_000],
    [30_000, 15_000],
    [30_000, 15_000],
  ])
})

test('a message concerns the reads of its topic; resync and bye concern all', () => {
  expect(['delivery.changed', 'task.progress', 'run.changed', 'resync', 'bye'].map(topicOf)).toEqual([
    'delivery',
    'task',
    'run',
    null,
    null,
  ])
})
