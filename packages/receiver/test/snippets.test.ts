import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import 'reflect-metadata'
import { HttpRequest } from '@azure/functions'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { queue } from '../snippets/queue.ts'
import { createReceiver } from '../src/index.ts'
import { examples, signedRequest } from '../src/testing.ts'
import { emptyDatabase } from './postgres.ts'

/** The code of the README: each block is a file, and each file does what it says. */

const FOLDER = new URL('../snippets/', import.meta.url)
const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const closing: (() => unknown)[] = []
let count = 0

beforeAll(() => {
  process.env.PSAPI_WEBHOOK_SECRETS = secret
  vi.spyOn(console, 'error').mockReturnValue() // where their onError writes
})
afterAll(() => {
  delete process.env.PSAPI_WEBHOOK_SECRETS
})
afterEach(async () => {
  queue.jobs.length = 0
  for (const close of closing.splice(0).reverse()) await close()
})

test('every block of the README is one of the files, and every file is in the README', () => {
  const blocks = [...README.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block)
  const files = readdirSync(FOLDER).filter((name) => name !== 'queue.ts')
  expect(blocks.toSorted()).toEqual(files.map((name) => readFileSync(new URL(name, FOLDER), 'utf8')).toSorted())
})

/** Another event each time: what was handled before is passed over. */
function nextEvent() {
  count += 1
  return { ...examples['producersync.npn.activated'], id: `evt_${count}` }
}

/** A good webhook and one signed with another secret. */
async function sendBoth(send: (request: Request) => Promise<{ status: number; text: () => Promise<string> }>) {
  const answers: string[] = []
  for (const signedWith of [secret, otherSecret]) {
    const answer = await send(await signedRequest(nextEvent(), signedWith))
    answers.push(`${answer.status} ${await answer.text()}`.trim())
  }
  return { answers, jobs: queue.jobs }
}

const bothAsPromised = {
  answers: ['200 {"result":"handled"}', '401 {"code":"no_matching_signature"}'],
  jobs: [['onboard', { npn: '912484758' }]],
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const overHttp =
  (port: number, path = '/webhooks') =>
  async (request: Request) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: request.headers,
      body: await request.arrayBuffer(),
    })

const starts: Record<string, () => Promise<(request: Request) => Promise<Response>>> = {
  express: async () => {
    const { app } = await import('../snippets/express.ts')
    return overHttp(await portOf(createServer(app)))
  },
  fastify: async () => {
    const { app } = await import('../snippets/fastify.ts')
    closing.push(() => app.close())
    await app.listen({ host: '127.0.0.1', port: 0 })
    return overHttp((app.server.address() as AddressInfo).port)
  },
  hono: async () => {
    const { app } = await import('../snippets/hono.ts')
    return async (request) => app.request('/webhooks', request)
  },
  'next, App Router': async () => (await import('../snippets/next-app.ts')).POST,
  'next, pages': async () => {
    const { default: handler, config } = await import('../snippets/next-pages.ts')
    expect(config).toEqual({ api: { bodyParser: false } })
    return overHttp(await portOf(createServer((request, response) => void handler(request, response))))
  },
  nest: async () => {
    const { app } = await import('../snippets/nest.ts')
    closing.push(() => app.close())
    await app.listen(0, '127.0.0.1')
    return overHttp(app.getHttpServer().address().port)
  },
  lambda: async () => {
    const { handler } = await import('../snippets/lambda.ts')
    return async (request) => {
      const { statusCode, body } = await handler({
        headers: Object.fromEntries(request.headers),
        body: Buffer.from(await request.arrayBuffer()).toString('base64'),
        isBase64Encoded: true,
      })
      return new Response(body, { status: statusCode })
    }
  },
  azure: async () => {
    const { handler } = await import('../snippets/azure.ts')
    return async (request) => {
      const { url, headers } = request
      const bytes = new Uint8Array(await request.arrayBuffer())
      const { status, body } = await handler(
        new HttpRequest({ method: 'POST', url, headers: Object.fromEntries(headers), body: { bytes } }),
      )
      return new Response(body, { status })
    }
  },
  'google cloud': async () => {
    await import('../snippets/gcp.ts')
    return overHttp(await portOf(getTestServer('webhooks')))
  },
  workers: async () => {
    const { default: worker } = await import('../snippets/workers.ts')
    return (request) => worker.fetch(request, { PSAPI_WEBHOOK_SECRETS: secret })
  },
  'svelte kit': async () => {
    const { POST } = await import('../snippets/svelte-kit.ts')
    return (request) => POST({ request })
  },
  'node:http': async () => overHttp(await portOf((await import('../snippets/node-http.ts')).server)),
}

describe('as printed it handles a good webhook and refuses a bad one', () => {
  test.each(Object.entries(starts))('%s', async (_, start) => {
    expect(await sendBoth(await start())).toEqual(bothAsPromised)
  })

  test('verify by hand', async () => {
    const { POST } = await import('../snippets/verify.ts')
    const answers = ['204', '401 {"code":"no_matching_signature"}']
    expect(await sendBoth(POST)).toEqual({ ...bothAsPromised, answers })
  })

  test('with a memory in PostgreSQL, which the next process has too', async () => {
    const { host, port, user, database } = await emptyDatabase()
    Object.assign(process.env, { PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database })
    const { pool, shared } = await import('../snippets/dedupe.ts')
    closing.push(() => pool.end())
    expect(await sendBoth(createReceiver(shared))).toEqual(bothAsPromised)
    const again = await signedRequest({ ...nextEvent(), id: `evt_${count - 2}` }, secret)
    expect(await (await createReceiver(shared)(again)).json()).toEqual({ result: 'repeated' })
  })
})

test('a test of your own receiver, as printed', async () => {
  const { first, retry, replayed } = await import('../snippets/own-test.ts')
  const readme = readFileSync(new URL('own-test.ts', FOLDER), 'utf8')
  const printed = [...readme.matchAll(/\/\/ (\d{3} \{.*\})$/gm)].map(([, answer]) => answer)
  const answers = await Promise.all([first, retry, replayed].map(async (one) => `${one.status} ${await one.text()}`))
  expect(answers).toEqual(printed)
})
