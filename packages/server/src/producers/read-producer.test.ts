import { describe, expect, test } from 'vitest'
import type { Npn } from '#src/population/npn.ts'
import { parseNpn } from '#src/population/npn.ts'
import { type NextStep, nextStep, readProducer, type Standing } from './read-producer.ts'

const npn = parseNpn('912484758') as Npn

describe('the next step of a read of one producer', () => {
  test.each<[Standing, boolean, boolean, NextStep]>([
    ['ready', true, true, 'serve'],
    ['ready', false, false, 'serve'],
    ['loading', true, true, 'wait'],
    ['loading', true, false, 'answer_loading'],
    ['not_found', true, true, 'refuse_unknown'],
    ['not_monitored', true, true, 'subscribe'],
    ['not_monitored', false, true, 'refuse_unmonitored'],
  ])('%s, may subscribe: %s, may wait: %s → %s', (standing, subscribe, wait, step) => {
    expect(nextStep(standing, { subscribe, wait })).toBe(step)
  })
})

describe('a read of one producer', () => {
  test('that is joined and loaded meanwhile reads once after each', async () => {
    const { steps, done } = scripted(['not_monitored', 'loading', 'ready'])
    expect(await readProducer(npn, { subscribe: true }, steps)).toBe('data')
    expect(done).toEqual(['read', 'subscribe', 'read', 'wait', 'read'])
  })

  test('whose data does not come in time says so, and waits no second time', async () => {
    const { steps, done } = scripted(['loading', 'loading'])
    expect(await readProducer(npn, { subscribe: true }, steps)).toBeNull()
    expect(done).toEqual(['read', 'wait', 'read'])
  })

  test('that is removed while it waits is not joined a second time', async () => {
    const { steps, done } = scripted(['not_monitored', 'loading', 'not_monitored'])
    await expect(readProducer(npn, { subscribe: true }, steps)).rejects.toThrow('is not in your population')
    expect(done).toEqual(['read', 'subscribe', 'read', 'wait', 'read'])
  })
})

function scripted(standings: Standing[]) {
  const done: string[] = []
  const note = (step: string) => async () => void done.push(step)
  const read = async () => {
    done.push('read')
    const standing = standings.shift()
    if (!standing) throw new Error('read too often')
    return { standing, found: standing === 'ready' ? 'data' : null }
  }
  return { done, steps: { read, subscribe: note('subscribe'), waitForData: note('wait') } }
}
