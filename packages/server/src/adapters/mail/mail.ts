import { createTransport } from 'nodemailer'

export type Mail = { to: string; subject: string; text: string }

/** Sends mail; null where the service has no server for it. */
export type Mailer = {
  /** @throws an error that tells no secret when the server refuses it, or cannot be reached */
  send(mail: Mail): Promise<void>
  close(): void
}

/** One address and nothing else: no name beside it, and no second one. */
export const MAIL_ADDRESS = /^[^\s@<>"(),:;]{1,64}@[^\s@<>"(),:;]{1,255}$/

const PHASE_MS_MAX = 10_000

/**
 * Mail by an SMTP server that the operator has named.
 * @param url   `smtp://user:password@host:587` or `smtps://…`
 * @param from  the sender's address
 */
export function createMailer(url: string, from: string): Mailer {
  const transport = createTransport(
    {
      url,
      connectionTimeout: PHASE_MS_MAX,
      greetingTimeout: PHASE_MS_MAX,
      socketTimeout: PHASE_MS_MAX,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  )
  return {
    async send(mail) {
      await transport.sendMail(mail)
    },
    close: () => transport.close(),
  }
}
