import { expect, test } from 'vitest'
import { Life, VirtualTime } from './virtual-time.ts'

test('events come in the order of their moments, and of their planning at one moment', async () => {
  const time = new VirtualTime(0, async () => false)
  const came: string[] = []
  time.after(20, () => came.push(`c at ${time.nowMs}`))
  time.after(10, () => came.push(`a at ${time.nowMs}`))
  time.after(10, () => came.push(`b at ${time.nowMs}`))
  while (await time.step());
  expect(came).toEqual(['a at 10', 'b at 10', 'c at 20'])
})

test('what comes of an event has come to rest before the next: promises, and what they put off', async () => {
  const time = new VirtualTime(0, async () => false)
  const came: string[] = []
  time.after(1, () => {
    void Promise.resolve()
      .then(() => new Promise((resolve) => setImmediate(resolve)))
      .then(() => came.push('first, afterwards'))
    came.push('first')
  })
  time.after(1, () => came.push('second'))
  while (await time.step());
  expect(came).toEqual(['first', 'first, afterwards', 'second'])
})

test('nothing of a dead life happens, and what a frozen one missed comes when it wakes', async () => {
  const time = new VirtualTime(0, async () => false)
  const [dead, frozen] = [new Life('a#1'), new Life('b#1')]
  const came: string[] = []
  time.after(5, () => came.push('dead'), dead)
  time.after(5, () => came.push('frozen'), frozen)
  dead.state = 'dead'
  frozen.state = 'frozen'
  while (await time.step());
  expect(came).toEqual([])
  frozen.state = 'running'
  for (const run of frozen.held.splice(0)) time.after(0, run, frozen)
  while (await time.step());
  expect(came).toEqual(['frozen'])
})

test('work that takes real time holds everything else back, unless all of it waits for a lock', async () => {
  const stuck: number[] = []
  const time = new VirtualTime(0, async (working) => {
    stuck.push(working)
    return true
  })
  const came: string[] = []
  time.after(1, () => {
    time.enterWork()
    setTimeout(() => {
      came.push('work')
      time.leaveWork()
    }, 1)
  })
  time.after(2, () => {
    came.push('next')
    time.enterWork()
  })
  while (await time.step());
  expect(came).toEqual(['work', 'next'])
  expect(stuck).toEqual([1])
})
