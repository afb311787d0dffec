import type { FastifyRequest } from 'fastify'

/**
 * What leaves no line although it does not read by GET, each with the reason.
 * Source: portal S15; reliability-security 13.
 */
export const UNRECORDED: ReadonlyMap<string, string> = new Map([
  [
    'v1.message.create',
    'accepted by the thousand; a message is its own record, and so is the account that it may make',
  ],
  ['v1.message.create-batch', 'accepted by the thousand, as single ones are'],
  ['v1.message.search', 'reads: its filters are too long for a URL'],
  ['v1.message.precheck', 'reads: its filters are too long for a URL'],
  ['v1.replay.preview', 'counts; nothing is sent until it is started, which has a line'],
  ['v1.population.preview', 'compares; nothing is changed until it is applied, which has a line'],
  ['v1.population-job.opposite', 'compares, as a preview does'],
  ['v1.cli-session.result.create', 'a program that listens reports what its receiver answered, event by event'],
  ['v1.cli-login.create', 'anybody may ask; nothing is given until a person decides, which has a line'],
  ['v1.cli-login.token', 'a program asks every few seconds whether a person has decided'],
  ['oauth2.token.create', 'programs get one every hour; the last use stands with the client, failures are counted'],
  ['portal.session.token', 'an open page renews it every few minutes; the sign-in has a line'],
  ['portal.session.extend', 'an open page says every few minutes that somebody is there'],
])

/** What reads by GET and leaves a line nevertheless. */
export const RECORDED_READS: ReadonlySet<string> = new Set([
  'v1.endpoint.get-secret',
  'v1.operational-webhook.endpoint.get-secret',
])

/** Does a request that succeeds leave a line? */
export function leavesLine({ method, routeOptions }: FastifyRequest): boolean {
  const { operation } = routeOptions.config
  if (!operation) return false
  return leaves(method, operation.id)
}

/** @param operationId of openapi.json */
export function leaves(method: string, operationId: string): boolean {
  if (method === 'GET') return RECORDED_READS.has(operationId)
  return method !== 'HEAD' && method !== 'OPTIONS' && !UNRECORDED.has(operationId)
}
