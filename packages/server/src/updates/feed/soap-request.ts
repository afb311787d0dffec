import type { Npn } from '#src/population/npn.ts'
import type { LocalDate } from '../local-date.ts'
import type { AlertKind } from './feed.ts'

export const ALERTS_PATH = '/pdb-alerts-industry-services/services/industry-ws'
const NAMESPACE = 'https://pdb-services.nipr.com/pdb-alerts-industry-services/industry-ws'

export type SoapRequest = { operation: string; xml: string }

/** The subscription of a kind: NIPR keeps a list of targets for each. */
export function subscriptionName(prefix: string, kind: AlertKind): string {
  return `${prefix}-${kind.toLowerCase()}`
}

export function addSubscription(name: string, email: string, kind: AlertKind): SoapRequest {
  return envelope(
    'addSubscription',
    `<subscriptionInputData><subscriptionName>${escapeXml(name)}</subscriptionName><email>${escapeXml(email)}</email>` +
      '<affiliationList><None>false</None><All>false</All></affiliationList><stateList><allStates>true</allStates></stateList>' +
      `<alertTypeList><alertTypeList>${kind}</alertTypeList></alertTypeList></subscriptionInputData>`,
  )
}

/** @param operation `addTargets`, or what NIPR calls the removing one */
export function changeTargets(operation: string, name: string, npns: readonly Npn[]): SoapRequest {
  const list = npns.map((npn) => `<npnList>${npn}</npnList>`).join('')
  return envelope(
    operation,
    `<subscriptionName>${escapeXml(name)}</subscriptionName>` +
      `<targetInputData><inputFormat>NPN</inputFormat><targetInputList>${list}</targetInputList></targetInputData>`,
  )
}

export function receiveReport(name: string, day: LocalDate): SoapRequest {
  return envelope(
    'receiveSpecificReportForSubscription',
    `<subscriptionName>${escapeXml(name)}</subscriptionName><reportDate>${day}</reportDate>`,
  )
}

export function soapHeaders(operation: string): Record<string, string> {
  return { 'content-type': 'text/xml; charset=utf-8', soapaction: `"${NAMESPACE}/${operation}"` }
}

function envelope(operation: string, body: string): SoapRequest {
  return {
    operation,
    xml:
      '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">' +
      `<soapenv:Body><ind:${operation} xmlns:ind="${NAMESPACE}" xmlns="${NAMESPACE}">${body}</ind:${operation}></soapenv:Body></soapenv:Envelope>`,
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character)
}
