import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Api, isJson, type Json } from '../api.ts'
import { EXIT, Failure } from '../failure.ts'
import { note, type Terminal } from '../terminal.ts'

/** What a person has approved. */
type Approved = { token: string; account: string }

/**
 * Signs in without a credential: a person who is signed in to the portal compares a code and approves.
 * @throws Failure: refused, or nobody has decided in time
 */
export async function signInByCode(terminal: Terminal, api: Api): Promise<Approved> {
  const body = { deviceName: hostname().slice(0, 100) }
  const login = await api.openCall('POST', '/api/v1/cli-login', { body })
  note(terminal, `open ${String(login.verificationUrl)}`)
  note(terminal, `and approve the code ${String(login.userCode)}`)
  const waitMs = 1_000 * Number(login.intervalSeconds)
  for (;;) {
    const answer = await poll(api, String(login.deviceCode))
    if (answer.status === 'denied') throw refused('The sign-in was refused.')
    if (answer.status === 'approved') return parseApproved(answer)
    await sleep(waitMs)
  }
}

async function poll(api: Api, deviceCode: string): Promise<Json> {
  try {
    return await api.openCall('POST', '/api/v1/cli-login/token', { body: { deviceCode } })
  } catch (error) {
    if (error instanceof Failure && error.details.exit === EXIT.notFound) throw refused('Nobody has approved in time.')
    throw error
  }
}

function parseApproved({ token, account }: Json): Approved {
  if (typeof token === 'string' && isJson(account)) {
    return { token, account: String(account.id) }
  }
  throw new Failure('The answer is not a token.', { exit: EXIT.unavailable, code: 'unexpected_answer' })
}

function refused(message: string): Failure {
  return new Failure(message, { exit: EXIT.notAllowed, code: 'not_signed_in', hint: 'psapi login' })
}
