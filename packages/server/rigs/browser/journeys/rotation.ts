import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { generateEd25519Secret, verifyingSecretOf } from '@producersync/webhooks/node'
import type { Page } from 'playwright-core'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

/**
 * A signing secret is rotated, and no webhook is rejected before, while or after the receiver has the new one; nor when the customer
 * brings a secret, or a key pair. Source: portal S11
 */
export async function rotation({ browser, stage, seen }: Setting): Promise<void> {
  const receiver = stage.receiver(12)
  receiver.reset()
  const account = await stage.make('/api/v1/app', { name: 'Rotation' })
  const path = `/api/v1/app/${account}`
  const endpoint = await stage.make(`${path}/endpoint`, { url: receiver.url, description: 'Billing' })
  const old = await stage.secretOf(account, endpoint)
  await receiver.received(1) // the ping of the new endpoint
  receiver.reset()
  receiver.trust(old)
  const send = async (step: string) => {
    const id = await stage.make(`${path}/msg`, { eventType: 'test.happened', payload: { step } })
    await receiver.until(() => receiver.requests.some(({ messageId }) => messageId === id))
  }
  await send('before')

  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(account))
  await visitor.open(`/portal/a/${account}/endpoints/${endpoint}?tab=secrets`)
  await page.getByRole('button', { name: 'Rotate…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('1 hour').check()
  await dialog.getByRole('button', { name: 'Rotate', exact: true }).click()
  await page.getByText('Two secrets sign').first().waitFor()
  await send('while the receiver has the old one')
  const fresh = await stage.secretOf(account, endpoint)
  assert.notEqual(fresh, old)
  receiver.trust(fresh)
  await send('since it has the new one')
  await page
    .getByRole('link', { name: 'Test with the new secret only' })
    .or(page.getByRole('button', { name: 'Test with the new secret only' }))
    .first()
    .click()
  await page.getByText(/^Answered 200 in/).waitFor()
  await visitor.open(`/portal/a/${account}/endpoints/${endpoint}?tab=secrets`)
  await page.getByRole('button', { name: 'End now' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'End now' }).click()
  await page.getByText('Two secrets sign').first().waitFor({ state: 'detached' })
  await send('since the old one has ended')
  const own = `whsec_${randomBytes(OWN_BYTES).toString('base64')}`
  await rotateTo(page, own)
  receiver.trust(own)
  await send('since a secret of the customer signs')
  const secret = generateEd25519Secret()
  const publicKey = verifyingSecretOf(secret)
  await rotateTo(page, secret)
  await page.getByRole('cell', { name: 'Ed25519', exact: true }).waitFor()
  await page.getByText(publicKey).waitFor()
  receiver.trust(publicKey)
  await send('since a key pair of the customer signs')
  assert.equal(receiver.verified.length, receiver.requests.length, 'a webhook was rejected')
  assert.equal(receiver.requests.length, 7)
  await visitor.leave()
}

const OWN_BYTES = 64

/** A secret of the customer, without any overlap; one that is too short is refused at its field, and nothing has changed. */
async function rotateTo(page: Page, secret: string): Promise<void> {
  await page.getByRole('button', { name: 'Rotate…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('No time: end it now').check()
  const field = dialog.getByLabel('Own secret')
  const rotate = dialog.getByRole('button', { name: 'Rotate', exact: true })
  await field.fill('whsec_c2hvcnQ=')
  await rotate.click()
  await dialog.getByRole('alert').and(page.locator(':focus')).waitFor()
  await dialog.getByRole('button', { name: /^Own secret.*must be whsec_ and Base64 of 24 to 64 bytes/ }).click()
  await field.and(page.locator(':focus')).waitFor()
  await field.fill(secret)
  await rotate.click()
  await dialog.waitFor({ state: 'detached' })
}
