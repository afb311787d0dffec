import { expect, test } from 'vitest'
import { explain } from './explain.ts'
import { ApiError, request } from './request.ts'

const ID = '01J0000000000000000000TEST'

/** What a service answers, as `request` reads it. */
async function errorOf(status: number, body: unknown, headers: Record<string, string> = {}): Promise<unknown> {
  const { fetch } = globalThis
  globalThis.fetch = async () =>
    new Response(typeof body === 'string' ? body : JSON.stringify(body), {
      status,
      headers: { 'x-request-id': ID, ...headers },
    })
  try {
    return await request('/x').catch((error: unknown) => error)
  } finally {
    globalThis.fetch = fetch
  }
}

test.each([
  [400, { code: 'unreadable_query', detail: 'limit: must be a number' }, {}, 'limit: must be a number', /Correct it/],
  [403, { code: 'forbidden', detail: 'It needs CreateAttempts.' }, {}, 'Not allowed', /Ask an admin/],
  [404, { code: 'not_found', detail: 'There is no such event.' }, {}, 'Not found', /deleted/],
  [409, { code: 'conflict', detail: 'A replay is running.' }, {}, 'A replay is running.', /decide again/],
  [422, { detail: [{ loc: ['body', 'url'], msg: 'must be https', type: 'x' }] }, {}, 'could not accept', /Correct it/],
  [429, { code: 'rate_limited', detail: 'x' }, { 'retry-after': '7' }, 'Too many requests', /in 7 seconds/],
  [500, { code: 'server_error', detail: 'x' }, {}, 'The service failed', /Nothing was lost/],
  [503, '<html>', {}, 'The service failed', /Try again/],
  [400, { title: 'Bad', errors: [], status: 400 }, {}, 'Bad', /Correct it/],
])('G14: %i says what failed, what to do, and which request it was', async (status, body, headers, title, advice) => {
  const said = explain(await errorOf(status, body, headers))
  expect(said.title).toContain(title)
  expect(said.advice).toMatch(advice)
  expect(said.requestId).toBe(ID)
})

test('G14: a refused field is named', async () => {
  const refused = await errorOf(422, { detail: [{ loc: ['body', 'url'], msg: 'must be https', type: 'x' }] })
  expect(explain(refused).faults.map(({ loc, msg }) => [loc, msg])).toEqual([[['body', 'url'], 'must be https']])
})

test('G14: without an answer it says so', async () => {
  const { fetch } = globalThis
  globalThis.fetch = async () => await Promise.reject(new TypeError('Failed to fetch'))
  const error = await request('/x').catch((caught: unknown) => caught)
  globalThis.fetch = fetch
  expect(error).toBeInstanceOf(ApiError)
  expect(explain(error)).toEqual({
    title: 'The service did not answer',
    advice: 'Check your connection, then try again.',
    faults: [],
    requestId: null,
  })
})
