import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

const BEFORE = 3
const MISSED = 5
const LEFT = 2
/** At one a second, long enough to be steered on any machine. */
const MANY = 90
const SECONDS_TO_NEXT_TRY = 3_600

/**
 * A receiver fails; the cause is shown, it is put right and tested; what was missed is replayed, exactly that, and the receiver
 * has it, byte for byte and once. The id of an attempt leads to it. Source: portal 13, main path; S5.1, S7, S12
 */
export async function badDay({ browser, stage, seen }: Setting): Promise<void> {
  const receiver = stage.receiver(4)
  receiver.answer(200)
  const account = await stage.make('/api/v1/app', { name: 'Bad Day' })
  const path = `/api/v1/app/${account}`
  const settings = { url: receiver.url, description: 'Orders', retrySchedule: [SECONDS_TO_NEXT_TRY] }
  const endpoint = await stage.make(`${path}/endpoint`, settings)
  receiver.trust(await stage.secretOf(account, endpoint))
  const send = async (count: number) => {
    const ids: string[] = []
    for (let number = 0; number < count; number += 1) {
      const body = { eventType: 'test.happened', payload: { number, amount: 1.5 } }
      ids.push(await stage.make(`${path}/msg`, body))
    }
    await receiver.until(() => ids.every((id) => receiver.events.some(({ messageId }) => messageId === id)))
    return ids
  }
  const fine = await send(BEFORE)
  receiver.answer(503)
  const missed = await send(MISSED)
  const failedNow = async () => await stage.idsOf(`${path}/delivery?state=retrying,exhausted`)
  await until('all failures are recorded', async () => (await failedNow()).length === MISSED || undefined)
  const bodies = new Map(receiver.events.map(({ messageId, body }) => [messageId, body.toString('base64')]))

  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(account))
  await page.goto(`/portal/a/${account}/log`)
  await page.getByRole('link', { name: 'Failed', exact: true }).click()
  await page.getByText(`${MISSED} matching`).waitFor()
  await page.locator('[data-row-link]').first().click()
  await page.getByRole('link', { name: /Attempt 1/ }).click()
  const drawer = page.getByRole('dialog')
  await drawer.getByRole('heading', { name: 'Attempt 1 of 2' }).waitFor()
  await drawer.getByText('Your endpoint is busy').first().waitFor()
  const attempt = new URL(page.url()).searchParams.get('attempt') ?? ''
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'detached' })
  await page.goto(`/portal/a/${account}/log`)
  const box = page.getByLabel('NPN or ID', { exact: true })
  await box.fill(attempt)
  await box.press('Enter')
  await drawer.getByRole('heading', { name: 'Attempt 1 of 2' }).waitFor()
  assert.equal(new URL(page.url()).searchParams.get('attempt'), attempt)

  receiver.answer(200)
  const failedUntil = receiver.events.length
  await page.goto(`/portal/a/${account}/endpoints/${endpoint}?tab=testing`)
  await page.getByLabel('Event type').selectOption('webhook.ping')
  await page.getByRole('button', { name: 'Send test', exact: true }).last().click()
  await page.getByText(/^Answered 200 in/).waitFor()

  await page.goto(`/portal/a/${account}/log?state=retrying,exhausted`)
  await page.getByText(`${MISSED} matching`).waitFor()
  await page.getByRole('button', { name: `Select all ${MISSED}` }).click()
  await page.getByRole('button', { name: 'Replay…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('If it fails again').selectOption('none')
  await dialog.getByText(`${MISSED} deliveries`).waitFor()
  assert.equal(receiver.events.length, failedUntil, 'the dry run has sent something')
  await visitor.losingAnswer('**/replay', () => dialog.getByRole('button', { name: `Replay ${MISSED}` }).click())
  const said = dialog.getByRole('alert').filter({ hasText: 'The service did not answer' })
  await said.and(page.locator(':focus')).waitFor()
  await dialog.getByRole('button', { name: `Replay ${MISSED}` }).click()
  await page.waitForURL('**/replays/*')
  await page.goBack()
  await page.getByRole('heading', { level: 1, name: 'Event log' }).waitFor()
  assert.equal(await dialog.count(), 0, 'Back asks for the replay once more')
  await page.goForward()
  await page.getByText('Finished').waitFor({ timeout: 30_000 })

  await until('nothing failed is left', async () => (await failedNow()).length === 0 || undefined)
  await page.goto(`/portal/a/${account}`) // S1.2: a figure leads to as many
  await page.getByText(`${BEFORE + MISSED} of ${BEFORE + MISSED}`).waitFor()
  await page.getByRole('link', { name: 'Delivered, 24 h' }).click()
  await page.getByText(`${BEFORE + MISSED} matching`).waitFor()
  await exportAll(visitor, [...fine, ...missed])
  const replayed = receiver.events.slice(failedUntil)
  assert.deepEqual(replayed.map(({ messageId }) => messageId).sort(), missed.toSorted(), 'not exactly what was missed')
  for (const { messageId, body } of replayed) {
    assert.equal(body.toString('base64'), bodies.get(messageId), 'a replayed body differs')
  }
  assert.ok(fine.every((id) => !replayed.some(({ messageId }) => messageId === id)))

  receiver.answer(503)
  const [late = '', dropped = ''] = await send(LEFT)
  receiver.answer(200)
  await endOne(page, account, { late, dropped })
  await send(MANY)
  await steerReplay(page, `/portal/a/${account}/log?test=false`, BEFORE + MISSED + LEFT + MANY)
  const key = { token: stage.keys.sandbox }
  const { data }: { data: { canceled: boolean }[] } = await stage.ok('GET', `${path}/replay`, undefined, key)
  assert.equal(data.length, 2, 'a double click, or a lost answer, has started two replays')
  assert.equal(data.filter(({ canceled }) => canceled).length, 1)
  await visitor.leave()
}

/** What the filter finds is saved, all of it and a line each. Source: portal S5.5 */
async function exportAll(visitor: Visitor, events: readonly string[]): Promise<void> {
  const { page } = visitor
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  const [head = '', ...lines] = await visitor.linesOfDownload(() =>
    page.getByRole('menuitem', { name: /^CSV/ }).click(),
  )
  const at = head.split(',').indexOf('msgId')
  assert.deepEqual(
    new Set(lines.map((line) => line.split(',')[at])),
    new Set(events),
    'not all that were found are saved',
  )
  assert.equal(lines.length, events.length)
}

/** What is to be tried again much later is tried now, or not at all. Source: portal S6 */
async function endOne(
  page: Page,
  account: string,
  { late, dropped }: { late: string; dropped: string },
): Promise<void> {
  await page.goto(`/portal/a/${account}/events/${late}`)
  await page.getByRole('button', { name: 'Retry now' }).click()
  await page.getByRole('button', { name: 'Replay', exact: true }).waitFor()
  await page.goto(`/portal/a/${account}/events/${dropped}`)
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel delivery' }).click()
  await page.getByText('Cancelled', { exact: true }).first().waitFor()
}

/** A slow replay is started by a double click, paused, resumed and canceled. Source: portal S12.3, G13 */
async function steerReplay(page: Page, log: string, matching: number): Promise<void> {
  await page.goto(log)
  await page.getByText(`${matching} matching`).waitFor()
  await page.getByRole('button', { name: `Select all ${matching}` }).click()
  await page.getByRole('button', { name: 'Replay…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('All that match').check()
  await dialog.getByLabel('Deliveries per second').fill('1')
  await dialog.getByRole('button', { name: `Replay ${matching}` }).dblclick()
  await page.waitForURL('**/replays/*')
  for (const [act, next] of [
    ['Pause', 'Resume'],
    ['Resume', 'Pause'],
  ] as const) {
    await page.getByRole('button', { name: act, exact: true }).click()
    await page.getByRole('button', { name: next, exact: true }).waitFor()
  }
  await page.getByRole('button', { name: 'Cancel replay' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel replay' }).click()
  await page.getByRole('button', { name: 'Cancel replay' }).waitFor({ state: 'detached' })
}
