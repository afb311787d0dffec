import type { Command } from 'commander'
import type { Json } from '../api.ts'
import { EXIT, Failure } from '../failure.ts'
import { examples } from '../frame.ts'
import { openSession, type Session } from '../session.ts'
import { printJson, printTable, type Terminal } from '../terminal.ts'

const ROUND_TRIP_MS_MAX = 1_000
const SKEW_WARN_SECONDS = 5
const SKEW_FAIL_SECONDS = 60

type Verdict = 'ok' | 'warning' | 'failed'
type Finding = { check: string; verdict: Verdict; says: string }

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('what stands between you and your webhooks: configuration, service, clock, credentials, endpoints')
    .option('--strict', 'warnings end with exit code 10')
    .addHelpText('after', examples('doctor', 'doctor --strict --json'))
    .action(async (flags: { strict?: true }, command: Command) => {
      const session = openSession(terminal, command)
      const findings = await examine(session)
      if (session.flags.json) printJson(terminal, findings)
      else
        printTable(
          terminal,
          ['check', 'verdict', ''],
          findings.map(({ check, verdict, says }) => [check, verdict, says]),
        )
      const failed = findings.find(({ verdict }) => verdict === 'failed')
      if (failed)
        throw new Failure(`${failed.check}: ${failed.says}`, { exit: EXIT.unavailable, code: 'doctor_failed' })
      if (flags.strict && findings.some(({ verdict }) => verdict === 'warning')) {
        throw new Failure('There are warnings.', { exit: EXIT.partly, code: 'doctor_warnings' })
      }
    })
}

/** One after the other: what fails makes those after it pointless. */
async function examine(session: Session): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const step of [configuration, service, credentials, endpoints]) {
    try {
      findings.push(...(await step(session)))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return [...findings, { check: step.name, verdict: 'failed', says: error.message }]
    }
    if (findings.some(({ verdict }) => verdict === 'failed')) break
  }
  return findings
}

async function configuration({ api, settings }: Session): Promise<Finding[]> {
  const says = `${api.url}, account ${api.account}, profile ${settings.profile.value}`
  return [{ check: 'configuration', verdict: 'ok', says }]
}

async function service({ api }: Session): Promise<Finding[]> {
  const startedAt = performance.now()
  const response = await answerOf(api.url)
  const ms = Math.round(performance.now() - startedAt)
  if (!response.ok) return [{ check: 'service', verdict: 'failed', says: `health answers ${response.status}` }]
  const speed: Finding = {
    check: 'service',
    verdict: ms > ROUND_TRIP_MS_MAX ? 'warning' : 'ok',
    says: `answers in ${ms} ms`,
  }
  const theirs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(theirs)) return [speed]
  // the header has whole seconds, and the answer was under way
  const skew = Math.max(0, Math.abs(Date.now() - theirs) / 1000 - 1 - ms / 1000)
  const verdict = skew > SKEW_FAIL_SECONDS ? 'failed' : skew > SKEW_WARN_SECONDS ? 'warning' : 'ok'
  return [speed, { check: 'clock', verdict, says: skew === 0 ? 'as the service' : `${skew.toFixed(0)} s off` }]
}

async function answerOf(url: string): Promise<Response> {
  try {
    return await fetch(`${url}/api/v1/health`, { redirect: 'manual', signal: AbortSignal.timeout(10_000) })
  } catch {
    throw new Failure(`${url} cannot be reached.`, { exit: EXIT.unavailable, code: 'unreachable' })
  }
}

async function credentials({ api }: Session): Promise<Finding[]> {
  const environment = await api.environment()
  await api.object('GET', api.underAccount())
  return [{ check: 'credentials', verdict: 'ok', says: `${environment.toUpperCase()} ${api.account}` }]
}

async function endpoints({ api }: Session): Promise<Finding[]> {
  const findings: Finding[] = []
  for await (const endpoint of api.rows(api.underAccount('/endpoint'), {}, 1_000)) findings.push(judge(endpoint))
  if (findings.length > 0) return findings
  return [{ check: 'endpoints', verdict: 'warning', says: 'there is none: events go nowhere' }]
}

function judge({ id, uid, url, disabled, disabledReason, failingSince }: Json): Finding {
  const check = `endpoint ${String(uid ?? id)}`
  if (disabled === true) {
    const why = typeof disabledReason === 'string' ? ` (${disabledReason})` : ''
    return { check, verdict: 'warning', says: `disabled${why}: ${String(url)}` }
  }
  if (typeof failingSince === 'string')
    return { check, verdict: 'warning', says: `failing since ${failingSince}: ${String(url)}` }
  return { check, verdict: 'ok', says: String(url) }
}
