import type { FastifyReply } from 'fastify'
import { MAIL_ADDRESS, type Mailer } from '#src/adapters/mail/mail.ts'
import { type Fault, invalidInput } from '#src/domain-error.ts'

/**
 * Before a link is made that is to be mailed.
 * @throws DomainError invalid_input: this service sends no mail, or the person is not called by a mail address
 */
export function refuseUnmailable(isAsked: boolean, person: string, sendsMail: boolean): void {
  if (!isAsked) return
  const fault = (field: string, msg: string): Fault => ({ loc: ['body', field], msg, type: 'value_error' })
  if (!sendsMail) throw invalidInput(fault('mail', 'this service sends no mail: its operator has set no mail server'))
  if (!MAIL_ADDRESS.test(person)) throw invalidInput(fault('mail', 'the person is not called by a mail address'))
}

/** Answers with a link that has just been made (LoginLinkOut), after it was mailed. @param mailer  null: it is not to be mailed */
export async function answerLink(
  reply: FastifyReply,
  { status, body }: { status: number; body: Buffer },
  mailer: Mailer | null,
): Promise<object> {
  const link: MadeLink = JSON.parse(body.toString())
  reply.code(status)
  return mailer === null ? link : { ...link, mailFailure: await mailLink(mailer, link) }
}

type MadeLink = { person: string; url: string; expiresAt: string }

/** @returns null, or why it was not taken */
async function mailLink(mailer: Mailer, { person, url, expiresAt }: MadeLink): Promise<string | null> {
  const lines = [
    `This link signs you in once, until ${expiresAt}:`,
    '',
    url,
    '',
    'If you expect none, leave it unused and tell whoever runs the service.',
  ]
  try {
    await mailer.send({ to: person, subject: 'Your login link', text: lines.join('\n') })
    return null
  } catch {
    return 'The mail server did not take it.'
  }
}
