import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Staff give the portal a look, an account sees it in its readable form, and has one of its own on top. Source: portal 11 */
export async function ownLook({ browser, stage, seen }: Setting): Promise<void> {
  const staff = await Visitor.enter(browser, stage.url, { seen })
  await staff.signIn(await stage.staffLink())
  await staff.open('/portal/env/look')
  await staff.page.getByLabel('Name shown in the portal').fill('Contoso Hooks')
  await staff.page.getByLabel('Accent colour').fill('#FFD400')
  await staff.page.getByRole('button', { name: 'Save' }).click()
  await staff.page.getByText('#7d6700').waitFor()
  await staff.page.setInputFiles('#logo', { name: 'logo.png', mimeType: 'image/png', buffer: PNG })
  await staff.page.getByRole('img', { name: 'The logo' }).waitFor()

  const account = await stage.make('/api/v1/app', { name: 'Branded' })
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(account, { capabilities: ['ViewBase', 'ManageAccount'] }))
  await visitor.settled()
  await page.getByRole('link', { name: 'Contoso Hooks' }).first().waitFor()
  await page.locator('a img[src^="data:image/png;base64,"]').first().waitFor({ state: 'attached' })
  const token = async (name: string) =>
    await page.evaluate<string>(`getComputedStyle(document.documentElement).getPropertyValue('--${name}').trim()`)
  assert.equal(await token('accent'), 'light-dark(#7d6700, #ffd400)')
  assert.deepEqual(await visitor.axe(), [])
  await visitor.open(`/portal/a/${account}/settings/branding`)
  await page.getByLabel('Accent colour').fill('red; } body { display: none')
  await page.getByRole('button', { name: 'Save' }).last().click()
  await page.locator('input[aria-invalid="true"]').waitFor()
  assert.equal(await token('accent'), 'light-dark(#7d6700, #ffd400)')
  await page.getByLabel('Accent colour').fill('#b00020')
  await page.getByLabel('Radius of corners').fill('0')
  await page.getByRole('button', { name: 'Save' }).last().click()
  await page.locator(':root[style*="--radius-control: 0px"]').waitFor()
  assert.match(await token('accent'), /^light-dark\(#b00020, /)
  assert.deepEqual(await visitor.axe(), [])

  await stage.ok('PATCH', '/api/v1/env/look', { name: null, accent: null }, { token: stage.keys.sandbox })
  await stage.ok('DELETE', '/api/v1/env/look/logo', undefined, { token: stage.keys.sandbox })
  await Promise.all([staff.leave(), visitor.leave()])
}
