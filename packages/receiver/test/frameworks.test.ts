import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ReceiverOptions, Trouble, WebhookEvent } from '../src/index.ts'
import { examples, signedRequest } from '../src/testing.ts'
import { frameworks, type Running } from './frameworks.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const activated = { ...examples['producersync.npn.activated'], note: 'Zoë, "as sent" ' }
const failing = { ...activated, id: 'evt_failing' }

describe.each(frameworks)('$name', ({ outcome, start }) => {
  const handled: WebhookEvent[] = []
  const troubles: Trouble[] = []
  let running: Running

  beforeAll(async () => {
    const options: ReceiverOptions = {
      secrets: () => secret,
      on: {
        'producersync.npn.activated': (event) => {
          if (event.id === failing.id) throw new Error('queue is down')
          handled.push(event)
        },
      },
      maxBytes: 1_000,
      onError: (trouble) => troubles.push(trouble),
    }
    running = await start(options)
  })
  afterAll(() => running.close())

  async function send(event: WebhookEvent, signedWith = secret) {
    const response = await running.send(await signedRequest(event, signedWith))
    return { status: response.status, type: response.headers.get('content-type'), body: await response.json() }
  }

  if (outcome === 'handled') {
    test('a webhook is verified by its raw bytes and handled, its repeat is not', async () => {
      expect(await send(activated)).toMatchObject({ status: 200, body: { result: 'handled' } })
      expect(await send(activated)).toMatchObject({ status: 200, body: { result: 'repeated' } })
      expect(handled).toEqual([activated])
    })

    test('one signed with another secret is answered 401', async () => {
      const answer = await send(activated, otherSecret)
      expect(answer).toMatchObject({ status: 401, body: { code: 'no_matching_signature' } })
      expect(answer.type).toMatch(/^application\/json(; charset=utf-8)?$/)
    })

    test('one over maxBytes is answered 401', async () => {
      const large = { ...activated, data: { npn: '1'.repeat(1_000) } }
      expect(await send(large)).toMatchObject({ status: 401, body: { code: 'body_too_large' } })
    })

    test('one whose handler throws is answered 500', async () => {
      expect(await send(failing)).toMatchObject({ status: 500, body: { code: 'internal_error' } })
    })
  } else {
    test('its trap is named: 401 body_not_bytes, with the way to the raw body for who runs it', async () => {
      expect(await send(activated)).toMatchObject({ status: 401, body: { code: outcome } })
      expect(troubles).toMatchObject([{ kind: 'refused', error: { code: outcome } }])
      expect(handled).toEqual([])
    })
  }
})
