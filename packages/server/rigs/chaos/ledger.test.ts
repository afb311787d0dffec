import { expect, test } from 'vitest'
import { Ledger } from './ledger.ts'

const event = { uid: 'c1', account: 0, type: 'chaos.even', bodyHash: 'body', sentAtMs: 1 }

test('an event is written before it is sent: nothing else can be acknowledged', () => {
  const ledger = new Ledger()
  expect(() => ledger.acknowledge('c1', 'msg_1', 2)).toThrow('never sent')
  ledger.publish(event)
  expect(() => ledger.publish(event)).toThrow('published before')
})

test('an event that is acknowledged again under the same id counts once, under another id both are kept', () => {
  const ledger = new Ledger()
  ledger.publish(event)
  expect(ledger.acknowledged).toBe(0)
  ledger.acknowledge('c1', 'msg_1', 2)
  ledger.acknowledge('c1', 'msg_1', 3)
  expect(ledger.publications.get('c1')?.acknowledgedAs).toEqual([{ messageId: 'msg_1', atMs: 2 }])
  ledger.acknowledge('c1', 'msg_2', 4)
  expect(ledger.publications.get('c1')?.acknowledgedAs.map(({ messageId }) => messageId)).toEqual(['msg_1', 'msg_2'])
  expect(ledger.acknowledged).toBe(1)
})

test('a request that is still open has no end', () => {
  const ledger = new Ledger()
  const line = ledger.begin({ endpoint: 0, messageId: 'msg_1', connection: { owner: null }, beginMs: 5 })
  expect(ledger.lines).toEqual([line])
  expect(line).toMatchObject({ endMs: null, status: 0, verified: false })
})
