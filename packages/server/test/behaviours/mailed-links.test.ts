import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailServer, startMailServer } from '../mail-server.ts'
import { type TestAccount, TestService } from '../service.ts'

let mails: MailServer
let service: TestService
let account: TestAccount
beforeAll(async () => {
  mails = await startMailServer()
  const environment = { SMTP_URL: mails.url, MAIL_FROM: 'webhooks@northwind.example' }
  service = await TestService.start({ environment })
  account = await service.account('sandbox')
})
afterAll(async () => {
  await service.close()
  await mails.close()
})

const PERSON = 'ada@northwind.example'
const LINKS = '/api/v1/env/login-link'

async function made(path: string, body: object) {
  return await service.call('POST', path, body, { token: account.key })
}

/** As they are read: lines that were wrapped for the way are whole again. */
function mailed(): string[] {
  return mails.texts.map((text) => text.replaceAll('=\r\n', '').replaceAll('=3D', '='))
}

test('O3: a login link is mailed where that is asked for, and is shown all the same', async () => {
  const wish = { account: account.id, person: PERSON, role: 'admin', hours: 1 }
  const shown = await made(LINKS, wish)
  expect([shown.status, shown.body.mailFailure, mails.texts]).toEqual([201, undefined, []])
  const { status, body } = await made(LINKS, { ...wish, mail: true })
  expect([status, body.mailFailure]).toEqual([201, null])
  const [mail = ''] = mailed()
  expect(mail).toContain(`To: ${PERSON}`)
  expect(mail).toContain(body.url)
  expect(mail).toContain(body.expiresAt)
  const key = new URL(body.url).hash.slice('#key='.length)
  const signedIn = await service.call(
    'POST',
    '/portal/session',
    { key },
    {
      headers: { 'sec-fetch-site': 'same-origin', authorization: '' },
    },
  )
  expect([signedIn.status, signedIn.body.sendsMail]).toEqual([200, true])

  const nobody = await made(LINKS, { ...wish, person: 'Ada', mail: true })
  expect([nobody.status, nobody.body.detail[0].loc]).toEqual([422, ['body', 'mail']])
  expect(mails.texts).toHaveLength(1)
})

test('S16: an invitation of an admin is mailed too; a mail server that is away takes no link from anybody', async () => {
  const app = `/api/v1/app/${account.id}`
  const { body: member } = await made(`${app}/member`, { person: 'grace@northwind.example', role: 'viewer' })
  const { body } = await made(`${app}/login-link`, { memberId: member.id, mail: true })
  expect(body.mailFailure).toBeNull()
  expect(mailed().at(-1)).toContain(body.url)
  await mails.close()
  const { status, body: unsent } = await made(`${app}/login-link`, { memberId: member.id, mail: true })
  expect([status, unsent.mailFailure]).toEqual([201, 'The mail server did not take it.'])
  expect(unsent.url).toMatch(/#key=lk_/)
})
