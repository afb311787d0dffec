import type { Command } from 'commander'
import { isJson, type Json } from '../api.ts'
import { EXIT, Failure } from '../failure.ts'
import { changing, examples } from '../frame.ts'
import { printObject, printRows, type Session } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { path } from './endpoint-path.ts'

const GOOD = 'verifies'

export function addSignatureCheck(endpoints: Command, terminal: Terminal): void {
  endpoints
    .command('check <endpoint>')
    .description(
      'does it verify signatures? sends a good, a wrongly signed and an old request; exit code 9 unless it does',
    )
    .option('--type <type>', 'event type of the requests; default the last daily signal')
    .addHelpText('after', examples('endpoints check crm', 'endpoints check crm --json'))
    .action(
      changing(
        terminal,
        (endpoint: string, _flags: { type?: string }) => `Send three tests to ${endpoint}`,
        async (session, endpoint, { type: eventType }) => {
          const target = session.api.underAccount(`${path(endpoint)}/signature-check`)
          print(session, await session.api.object('POST', target, { body: { eventType } }))
        },
      ),
    )
}

/** @throws Failure notVerified */
function print(session: Session, checked: Json): void {
  const { verdict, title, advice, requests } = checked
  if (session.flags.json) printObject(session, checked)
  else {
    printRows(session, Array.isArray(requests) ? requests.filter(isJson) : [], [
      ['request', 'request'],
      ['answer', ({ attempt }) => (isJson(attempt) ? attempt.responseStatusCode : null)],
      ['event', 'msgId'],
    ])
  }
  if (verdict === GOOD) {
    note(session.terminal, String(title))
    return
  }
  throw new Failure(`${String(title)}.`, { exit: EXIT.notVerified, code: String(verdict), hint: String(advice) })
}
