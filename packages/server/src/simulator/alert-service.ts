import { parseNpn } from '#src/population/npn.ts'
import { ALERT_KINDS, type AlertKind } from '../updates/feed/feed.ts'
import { type LocalDate, parseLocalDate } from '../updates/local-date.ts'
import { alertXml } from './alert-xml.ts'
import { Chance } from './chance.ts'
import type { SimulatedFeed } from './simulated-feed.ts'
import { readSoapCall, type SoapCall } from './soap-request-reader.ts'

const NAMESPACE = 'https://pdb-services.nipr.com/pdb-alerts-industry-services/industry-ws'
const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const XOP = 'http://www.w3.org/2004/08/xop/include'
const TARGETS_PER_CALL_MAX = 1000
const NO_REPORT = '5'
const BASE64_BYTES = 3 * 4096

/** An answer over HTTP; a body in pieces is streamed. */
export type WireAnswer = {
  status: number
  contentType: string
  body: string | Buffer | AsyncIterable<string | Buffer>
  afterMs: number
}

/** Answers a call of the alert service. Source: producersync-api 11. */
export function answerAlertCall(feed: SimulatedFeed, body: Buffer): WireAnswer {
  const call = readSoapCall(body)
  if (call === undefined) return fault('1', 'not a SOAP call')
  switch (call.operation) {
    case 'addSubscription':
      return addSubscription(feed, call)
    case 'addTargets':
    case 'removeTargets':
      return changeTargets(feed, call)
    case 'receiveSpecificReportForSubscription':
      return receiveReport(feed, call)
    default:
      return fault('1', 'unknown operation')
  }
}

function addSubscription(feed: SimulatedFeed, call: SoapCall): WireAnswer {
  const name = textOf(call, 'subscriptionName')
  const kind = ALERT_KINDS.find((known) => known === textOf(call, 'alertTypeList'))
  if (name === '' || kind === undefined) return fault('2', 'name or alert type missing')
  return feed.subscribe(name, kind) ? done(call) : fault('3', 'subscription already exists')
}

function changeTargets(feed: SimulatedFeed, call: SoapCall): WireAnswer {
  const subscription = feed.subscription(textOf(call, 'subscriptionName'))
  if (subscription === undefined) return fault('4', 'subscription does not exist')
  const texts = call.texts.get('npnList') ?? []
  const npns = texts.flatMap((text) => parseNpn(text) ?? [])
  if (npns.length !== texts.length || npns.length > TARGETS_PER_CALL_MAX) return fault('6', 'bad target list')
  for (const npn of npns) {
    if (call.operation === 'addTargets') feed.targets.add(subscription.list, npn)
    else feed.targets.remove(subscription.list, npn)
  }
  return done(call)
}

function receiveReport(feed: SimulatedFeed, call: SoapCall): WireAnswer {
  const name = textOf(call, 'subscriptionName')
  const subscription = feed.subscription(name)
  const day = parseLocalDate(textOf(call, 'reportDate'))
  if (subscription === undefined) return fault('4', 'subscription does not exist')
  if (day === undefined) return fault('2', 'bad report date')
  const { kind, afterMs } = feed.alertState(name, day)
  const chance = new Chance(feed.defined.world.seed, subscription.kind, day, 'answer')
  // services answer faults with 500, and some with 200
  if (kind === 'no_report')
    return { ...fault(NO_REPORT, 'No report for this date', chance.is(0.5) ? 500 : 200), afterMs }
  if (kind === 'fails') return chance.is(0.5) ? { ...fault('9', 'internal error'), afterMs } : { ...outage(), afterMs }
  return { ...report(feed, subscription.kind, day, subscription.list, chance), afterMs }
}

/** In one of the ways in which reports come: after the envelope, before it, or inside it. */
function report(
  feed: SimulatedFeed,
  kind: AlertKind,
  day: LocalDate,
  list: number,
  chance: Chance,
): Omit<WireAnswer, 'afterMs'> {
  const { world, days } = feed.defined
  const xml = alertXml(world, days, kind, day, feed.targets.sorted(list))
  const draw = chance.next()
  if (draw < 0.1) return { status: 200, contentType: 'text/xml; charset=UTF-8', body: inline(xml) }
  const boundary = `uuid:${chance.whole(1e8, 1e9)}-${chance.whole(1e8, 1e9)}`
  const start = draw < 0.2 ? '; start="<root.message@nipr.example>"' : ''
  const contentType = `multipart/related; type="application/xop+xml"; boundary="${boundary}"${start}; start-info="text/xml"`
  return { status: 200, contentType, body: multipart(boundary, xml, start !== '') }
}

async function* inline(xml: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  yield `${ENVELOPE_START}${REPORT_START}`
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of xml) {
    const bytes = Buffer.concat([rest, Buffer.from(piece)])
    const whole = bytes.length - (bytes.length % BASE64_BYTES)
    if (whole > 0) yield bytes.toString('base64', 0, whole)
    rest = bytes.subarray(whole)
  }
  yield `${rest.toString('base64')}${REPORT_END}${ENVELOPE_END}`
}

async function* multipart(
  boundary: string,
  xml: AsyncIterable<string>,
  reportFirst: boolean,
): AsyncGenerator<string, void, void> {
  const include = `<xop:Include xmlns:xop="${XOP}" href="cid:report%40nipr.example"/>`
  const root =
    `--${boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\nContent-Transfer-Encoding: binary\r\n` +
    `Content-ID: <root.message@nipr.example>\r\n\r\n${ENVELOPE_START}${REPORT_START}${include}${REPORT_END}${ENVELOPE_END}\r\n`
  if (!reportFirst) yield root
  yield `--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <report@nipr.example>\r\n\r\n`
  yield* xml
  yield '\r\n'
  if (reportFirst) yield root
  yield `--${boundary}--\r\n`
}

const ENVELOPE_START = `<soap:Envelope xmlns:soap="${SOAP}"><soap:Body>`
const ENVELOPE_END = '</soap:Body></soap:Envelope>'
const REPORT_START = `<ns2:receiveSpecificReportForSubscriptionResponse xmlns:ns2="${NAMESPACE}"><alertsReport><alertsReport>`
const REPORT_END = '</alertsReport></alertsReport></ns2:receiveSpecificReportForSubscriptionResponse>'

function done(call: SoapCall): WireAnswer {
  const xml = `${ENVELOPE_START}<ns2:${call.operation}Response xmlns:ns2="${NAMESPACE}"/>${ENVELOPE_END}`
  return { status: 200, contentType: 'text/xml; charset=UTF-8', body: xml, afterMs: 0 }
}

function fault(code: string, message: string, status = 500): WireAnswer {
  const detail = `<detail><ns2:IndustryServiceFault xmlns:ns2="${NAMESPACE}"><errorCode>${code}</errorCode><message>${message}</message></ns2:IndustryServiceFault></detail>`
  const xml = `${ENVELOPE_START}<soap:Fault><faultcode>soap:Server</faultcode><faultstring>${message}</faultstring>${detail}</soap:Fault>${ENVELOPE_END}`
  return { status, contentType: 'text/xml; charset=UTF-8', body: xml, afterMs: 0 }
}

function outage(): WireAnswer {
  return { status: 503, contentType: 'text/html', body: '<html><body>Service Unavailable</body></html>', afterMs: 0 }
}

function textOf(call: SoapCall, name: string): string {
  return call.texts.get(name)?.[0] ?? ''
}
