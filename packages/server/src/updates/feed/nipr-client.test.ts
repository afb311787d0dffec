import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../../../test/manual-clock.ts'
import { alertedNpns, day, forever, niprSettings, npn } from '../../../test/simulated-nipr.ts'
import { type FeedFailure, ReportBroken } from './feed.ts'
import { NIPR_TIME_LIMITS, NiprClient, type NiprTimeLimits } from './nipr-client.ts'
import { ATTEMPTS_MAX, retryDelayMs } from './retry-schedule.ts'

type Seen = { method: string; url: string; headers: IncomingHttpHeaders; body: string }
type Answer = (response: ServerResponse, request: Seen) => void

const FRIDAY = day('2026-03-06')
const JOE = npn('15645555')
const CLOCK = new ManualClock('2026-03-06T16:15:00.000Z')

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A server that answers as told, one answer after the other, the last for good; and a client of it. */
async function serve(...answers: Answer[]): Promise<{ client: NiprClient; seen: Seen[]; url: string }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
      const answer = answers[Math.min(seen.push(one), answers.length) - 1]
      answer?.(response, one)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const client = clientOf(url)
  open.push(async () => {
    await client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { client, seen, url }
}

function clientOf(url: string, limits: Partial<NiprTimeLimits> = {}): NiprClient {
  const client = new NiprClient(niprSettings(url, 'operator', { password: 'pass:wörd' }), CLOCK, {
    ...NIPR_TIME_LIMITS,
    ...limits,
  })
  open.push(() => client.close())
  return client
}

async function readAll(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const piece of request) body += String(piece)
  return body
}

function reply(status: number, body = '', headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(status, { 'content-type': 'text/xml; charset=utf-8', ...headers }).end(body)
}

function envelope(body: string): string {
  return `<?xml version="1.0"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>${body}</S:Body></S:Envelope>`
}

function fault(code: string): string {
  return envelope(
    `<S:Fault><faultcode>S:Server</faultcode><faultstring>x</faultstring><detail><n:F xmlns:n="n"><errorCode>${code}</errorCode><message>m</message></n:F></detail></S:Fault>`,
  )
}

function inlineReport(...npns: string[]): string {
  const people = npns.map(
    (one) =>
      `<Person key="1"><ExternalIdentifier><TypeCode>NAICProducerCode</TypeCode><Id>${one}</Id></ExternalIdentifier></Person>`,
  )
  const report = `<LicensingReportProcessResult><LicensingReport>${people.join('')}</LicensingReport></LicensingReportProcessResult>`
  return envelope(
    `<r><alertsReport><alertsReport>${Buffer.from(report).toString('base64')}</alertsReport></alertsReport></r>`,
  )
}

const DONE = envelope('<r/>')
const DETAIL = '<PDB><PRODUCER><INDIVIDUAL/></PRODUCER></PDB>'

function failure(cause: string, more: Partial<FeedFailure> = {}): FeedFailure {
  return { kind: 'failed', retry: true, refused: false, cause, ...more }
}

test('rule 31: fault code 5 is a normal answer, with status 200 and with 500', async () => {
  for (const status of [200, 500]) {
    const { client } = await serve(reply(status, fault('5')))
    expect(await client.alerts('RIRS', FRIDAY, forever())).toEqual({ kind: 'no_report' })
    expect(await client.alerts('RIRS', FRIDAY, forever())).toEqual({ kind: 'no_report' })
  }
})

test('rule 31: other faults, and statuses that say try again, are to be retried; 401 and 403 are refusals', async () => {
  const cases: [Answer, FeedFailure][] = [
    [reply(500, fault('9')), failure('fault 9')],
    [reply(200, fault('12')), failure('fault 12')],
    [reply(500, fault('<x/>')), failure('fault')],
    [reply(500, '<html><p>broken'), failure('http 500')],
    [reply(500, 'x', { 'content-type': 'text/plain' }), failure('http 500')],
    [reply(200, DONE), failure('an answer without report')],
    [reply(503, '', { 'retry-after': '7' }), failure('http 503', { retryAfterMs: 7000 })],
    [reply(429, '', { 'retry-after': 'Fri, 06 Mar 2026 16:16:00 GMT' }), failure('http 429', { retryAfterMs: 60_000 })],
    [reply(408), failure('http 408')],
    [reply(502), failure('http 502')],
    [reply(404), failure('http 404', { retry: false })],
    [reply(302, '', { location: 'http://127.0.0.1:1/' }), failure('http 302', { retry: false })],
    [reply(401), failure('http 401', { retry: false, refused: true })],
    [reply(403), failure('http 403', { retry: false, refused: true })],
  ]
  for (const [answer, expected] of cases) {
    const { client } = await serve(answer)
    expect(await client.alerts('LICENSING', FRIDAY, forever())).toEqual(expected)
    if (expected.cause.startsWith('http') && expected.cause !== 'http 500') {
      expect(await client.detail(JOE, forever())).toEqual(expected)
      expect(await client.changeTargets('add', [JOE], forever())).toEqual(expected)
    }
  }
})

test('rule 31: attempts are 2 s, 10 s, 30 s and 2 min apart, or as NIPR asks; a refusal is not tried again', () => {
  const waits = Array.from({ length: ATTEMPTS_MAX }, (_, i) => retryDelayMs(failure('http 500'), i + 1, 0.5))
  expect(waits).toEqual([2_000, 10_000, 30_000, 120_000, undefined])
  expect([0, 0.5, 0.999_999].map((random) => retryDelayMs(failure('silence'), 2, random))).toEqual([
    8_000, 10_000, 12_000,
  ])
  expect(retryDelayMs(failure('http 503', { retryAfterMs: 45_000 }), 1, 0.5)).toBe(45_000)
  expect(retryDelayMs(failure('http 503', { retryAfterMs: 1 }), 4, 0.5)).toBe(120_000)
  expect(retryDelayMs(failure('http 503', { retryAfterMs: 1 }), ATTEMPTS_MAX, 0.5)).toBeUndefined()
  expect(retryDelayMs(failure('http 401', { retry: false, refused: true }), 1, 0.5)).toBeUndefined()
})

test('rule 31: no connection, a lost one, silence and a slow answer are failures that are retried', async () => {
  const short = { detail: { totalMs: 300, silenceMs: 10_000 }, alertReport: { totalMs: 10_000, silenceMs: 300 } }
  const hanging = await serve(() => {})
  expect(await clientOf(hanging.url, short).detail(JOE, forever())).toEqual(failure('timeout'))
  expect(await clientOf(hanging.url, short).alerts('RIRS', FRIDAY, forever())).toEqual(failure('silence'))

  const half = await serve((response) => response.writeHead(200, { 'content-type': 'application/xml' }).write('<PDB>'))
  expect(await clientOf(half.url, short).detail(JOE, forever())).toEqual(failure('timeout'))

  const reset = await serve((response) => response.socket?.destroy())
  expect(await reset.client.detail(JOE, forever())).toEqual(failure('connection lost'))
  const cut = await serve((response) => {
    response.writeHead(200, { 'content-type': 'application/xml', 'content-length': '1000' })
    response.write(DETAIL, () => response.socket?.destroy())
  })
  expect(await cut.client.detail(JOE, forever())).toEqual(failure('connection lost'))

  const gone = await serve(() => {})
  for (const close of open.splice(-2)) await close()
  expect(await clientOf(gone.url).detail(JOE, forever())).toEqual(failure('no connection'))
})

test('rule 31: a report that breaks off while it is read throws what failed, also after some of it has been taken', async () => {
  const start = inlineReport(...Array.from({ length: 5000 }, (_, i) => String(10_000_000 + i)))
  const { client } = await serve((response) => {
    response.writeHead(200, { 'content-type': 'text/xml' })
    response.write(start.slice(0, -500), () => setImmediate(() => response.socket?.destroy()))
  })
  const answer = await client.alerts('LICENSING', FRIDAY, forever())
  if (answer.kind !== 'report') throw new Error(answer.kind)
  const taken: string[] = []
  const reading = (async () => {
    for await (const batch of answer.npns) taken.push(...batch)
  })()
  await expect(reading).rejects.toEqual(new ReportBroken(failure('connection lost')))
  expect(taken.length).toBeLessThan(5000)
})

test('a caller that stops is told so, not given a failure', async () => {
  const { client } = await serve(() => {})
  const stop = new AbortController()
  const asked = [client.detail(JOE, stop.signal), client.alerts('RIRS', FRIDAY, stop.signal)]
  stop.abort(new Error('the service stops'))
  for (const one of asked) await expect(one).rejects.toThrow('the service stops')
  await expect(client.detail(JOE, stop.signal)).rejects.toThrow('the service stops')
})

test('a report whose reader leaves early ends its connection', async () => {
  let closed = false
  const { client } = await serve((response) => {
    response.once('close', () => {
      closed = true
    })
    response.writeHead(200, { 'content-type': 'text/xml' })
    response.write(inlineReport(...Array.from({ length: 50 }, (_, i) => String(i + 1))).slice(0, -1000))
  })
  const answer = await client.alerts('LICENSING', FRIDAY, forever())
  if (answer.kind !== 'report') throw new Error(answer.kind)
  for await (const batch of answer.npns) {
    expect(batch.length).toBeGreaterThan(10)
    break
  }
  await expect.poll(() => closed).toBe(true)
})

test('calls are as NIPR has them: paths, envelope, SOAPAction, and the credentials in the Basic header only', async () => {
  const { client, seen } = await serve(
    reply(200, inlineReport('15645555')),
    reply(200, DETAIL, { 'content-type': 'application/xml' }),
    reply(200, DONE),
  )
  expect(await alertedNpns(client, 'LICENSING', FRIDAY)).toEqual([JOE])
  expect(await client.detail(JOE, forever())).toMatchObject({ kind: 'report' })
  expect(await client.changeTargets('add', [JOE, npn('7')], forever())).toEqual({ kind: 'done' })
  expect(await client.changeTargets('remove', [JOE], forever())).toEqual({ kind: 'done' })
  expect(await client.changeTargets('remove', [], forever())).toEqual({ kind: 'done' })

  const namespace = 'https://pdb-services.nipr.com/pdb-alerts-industry-services/industry-ws'
  const [report, detail, ...targets] = seen
  expect(report).toMatchObject({
    method: 'POST',
    url: '/pdb-alerts-industry-services/services/industry-ws',
    headers: {
      'content-type': 'text/xml; charset=utf-8',
      soapaction: `"${namespace}/receiveSpecificReportForSubscription"`,
    },
  })
  expect(report?.body).toContain(
    '<subscriptionName>test-licensing</subscriptionName><reportDate>2026-03-06</reportDate>',
  )
  expect(detail).toMatchObject({
    method: 'GET',
    url: '/pdb-xml-reports/entityinfo_xml.cgi?id_entity=15645555',
    headers: { accept: 'application/xml' },
  })
  expect(targets.map(({ headers }) => headers.soapaction)).toEqual([
    ...Array(4).fill(`"${namespace}/addTargets"`),
    ...Array(4).fill(`"${namespace}/removeTargets"`),
  ])
  expect(targets[1]?.body).toContain(
    '<subscriptionName>test-appointments</subscriptionName><targetInputData><inputFormat>NPN</inputFormat><targetInputList><npnList>15645555</npnList><npnList>7</npnList></targetInputList></targetInputData>',
  )
  const basic = `Basic ${Buffer.from('operator:pass:wörd').toString('base64')}`
  for (const { url, headers, body } of seen) {
    const { authorization, ...others } = headers
    expect(authorization).toBe(basic)
    expect(JSON.stringify([url, others, body])).not.toMatch(/operator:|wörd/)
  }
})

test('a subscription that is missing is made, once; a fault that stays is a failure', async () => {
  const made = await serve(reply(500, fault('4')), reply(200, DONE), reply(200, inlineReport('7')))
  expect(await alertedNpns(made.client, 'LICENSING', FRIDAY)).toEqual(['7'])
  expect(made.seen.map(({ headers }) => String(headers.soapaction).split('/').at(-1))).toEqual([
    'receiveSpecificReportForSubscription"',
    'addSubscription"',
    'receiveSpecificReportForSubscription"',
  ])
  expect(made.seen[1]?.body).toContain(
    '<subscriptionInputData><subscriptionName>test-licensing</subscriptionName><email>operator@example.com</email>' +
      '<affiliationList><None>false</None><All>false</All></affiliationList><stateList><allStates>true</allStates></stateList>' +
      '<alertTypeList><alertTypeList>LICENSING</alertTypeList></alertTypeList></subscriptionInputData>',
  )
  const known = await serve(reply(200, inlineReport('7')), reply(500, fault('8')))
  const asked = () => alertedNpns(known.client, 'LICENSING', FRIDAY)
  expect([await asked(), await asked()]).toEqual([['7'], 'fault 8'])
  expect(known.seen).toHaveLength(2)
  const broken = await serve(reply(500, fault('8')))
  const change = () => broken.client.changeTargets('add', [JOE], forever())
  expect([await change(), await change()]).toEqual([failure('fault 8'), failure('fault 8')])
  expect(broken.seen).toHaveLength(3)
  await expect(broken.client.changeTargets('add', Array(1001).fill(JOE), forever())).rejects.toThrow(RangeError)
})

test('rule 39: no failure holds what was sent or received', async () => {
  const marks = ['Zyxmark', '999-12-3456', 'operator', 'wörd']
  const answers = [
    reply(200, '<PDB><PRODUCER><INDIVIDUAL><Zyxmark>999-12-3456</INDIVIDUAL>'),
    reply(200, '<Zyxmark/>'),
    reply(
      200,
      '<PDB><TRANSACTION_TYPE><TYPE>error</TYPE></TRANSACTION_TYPE><ERROR><DESCRIPTION>Zyxmark</DESCRIPTION></ERROR></PDB>',
    ),
    reply(200, '<!DOCTYPE Zyxmark [<!ENTITY a "999-12-3456">]><PDB>&a;</PDB>'),
    reply(500, 'Zyxmark 999-12-3456'),
    reply(
      200,
      envelope(
        '<S:Fault><detail><errorCode>Zyxmark 999-12-3456</errorCode><message>Zyxmark</message></detail></S:Fault>',
      ),
    ),
    reply(200, 'Zyxmark', { 'content-type': 'multipart/related; boundary="Zyxmark[]"' }),
    reply(200, '--b\r\nZyxmark: 999-12-3456\r\n\r\n<Zyxmark>', { 'content-type': 'multipart/related; boundary=b' }),
  ]
  for (const answer of answers) {
    const { client } = await serve(answer)
    const failures = [await client.detail(JOE, forever()), await client.alerts('LICENSING', FRIDAY, forever())]
    for (const one of failures) {
      expect(one.kind).toBe('failed')
      for (const mark of marks) expect(JSON.stringify(one)).not.toContain(mark)
    }
  }
})
