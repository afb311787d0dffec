import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { forever, niprSettings, npn } from '../../test/simulated-nipr.ts'
import { DatabaseClock } from '../adapters/clock.ts'
import { NiprClient } from '../updates/feed/nipr-client.ts'
import { SimulatorControl } from './simulator-control.ts'
import { startSimulator } from './simulator-process.ts'

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url)
    return true
  } catch {
    return false
  }
}

test('a simulator is a process of its own, which serves what it is told, until it is stopped', async () => {
  const simulator = await startSimulator()
  const control = new SimulatorControl(simulator.url, simulator.controlToken)
  await control.defineFeed('sandbox', { password: 'secret', seed: 'seed' })
  const moved = await control.setClock('sandbox', new Date('2040-03-06T16:15:00Z'))
  expect(moved.getTime()).toBeGreaterThanOrEqual(Date.parse('2040-03-06T16:15:00Z'))
  const client = new NiprClient(niprSettings(simulator.url, 'sandbox'), new DatabaseClock())
  expect(await client.detail(npn('15645555'), forever())).toMatchObject({ kind: 'report' })
  expect(await client.detail(npn('1234567890'), forever())).toEqual({ kind: 'unknown' })
  await Promise.all([client.close(), control.close()])
  await simulator.stop()
  await simulator.exited
  expect(await answers(simulator.url)).toBe(false)
})

test('a simulator ends with its parent, also with one that is killed', async () => {
  const main = fileURLToPath(new URL('../../test/simulator-parent.ts', import.meta.url))
  const parent = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = await once(createInterface(parent.stdout), 'line')
  expect(await answers(String(url))).toBe(true)
  parent.kill('SIGKILL')
  await expect.poll(() => answers(String(url))).toBe(false)
})
