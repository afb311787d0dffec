import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import 'reflect-metadata'
import { HttpRequest } from '@azure/functions'
import { http as registerFunction } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { Controller, type INestApplication, Module, Post, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import express from 'express'
import express4 from 'express4'
import { type FastifyInstance, fastify } from 'fastify'
import { Hono } from 'hono'
import * as azure from '../src/adapters/azure.ts'
import * as expressAdapter from '../src/adapters/express.ts'
import * as fastifyAdapter from '../src/adapters/fastify.ts'
import * as fetchAdapter from '../src/adapters/fetch.ts'
import * as gcp from '../src/adapters/gcp.ts'
import * as honoAdapter from '../src/adapters/hono.ts'
import * as lambda from '../src/adapters/lambda.ts'
import * as nest from '../src/adapters/nest.ts'
import * as next from '../src/adapters/next.ts'
import * as nodeHttp from '../src/adapters/node-http.ts'
import type { ReceiverOptions } from '../src/receiver.ts'

/** A receiver inside a framework: what is sent to it goes the framework's whole way. */
export type Running = { send: (request: Request) => Promise<Response>; close: () => Promise<void> }

/** A way to build the receiver into a framework; `trap` says what becomes of a webhook there. */
export type Framework = {
  name: string
  outcome: 'handled' | 'body_not_bytes'
  start: (options: ReceiverOptions) => Running | Promise<Running>
}

const PATH = '/webhooks'

/** Every framework as the README says, and then with its trap set. */
export const frameworks: Framework[] = [
  works('node:http', (options) => listening(createServer(nodeHttp.createReceiver(options)))),
  works('Express 5', (options) => listening(express().post(PATH, expressAdapter.createReceiver(options)))),
  works('Express 5 with express.raw on the route', (options) =>
    listening(express().post(PATH, express.raw({ type: '*/*' }), expressAdapter.createReceiver(options))),
  ),
  works('Express 5 with express.text on the route', (options) =>
    listening(express().post(PATH, express.text({ type: '*/*' }), expressAdapter.createReceiver(options))),
  ),
  works('Express 5 with express.json that keeps the raw body', (options) => {
    const keep = (request: IncomingMessage, _response: ServerResponse, bytes: Buffer) =>
      Object.assign(request, { rawBody: bytes })
    const app = express().use(express.json({ verify: keep }))
    return listening(app.post(PATH, expressAdapter.createReceiver(options)))
  }),
  trapped('Express 5 with express.json before it', (options) =>
    listening(express().use(express.json()).post(PATH, expressAdapter.createReceiver(options))),
  ),
  works('Express 4', (options) => listening(express4().post(PATH, expressAdapter.createReceiver(options)))),
  trapped('Express 4 with express.json before it', (options) =>
    listening(express4().use(express4.json()).post(PATH, expressAdapter.createReceiver(options))),
  ),
  works('Fastify', (options) => fastifyApp(options)),
  works('Fastify with a JSON parser of the application', (options) =>
    fastifyApp(options, (app) => {
      app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
        done(null, JSON.parse(String(body))),
      )
      app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    }),
  ),
  trapped('Fastify with a hook that reads the body', (options) =>
    fastifyApp(options, (app) => {
      app.addHook('preParsing', async (_request, _reply, payload) => {
        for await (const _ of payload) {
          // gone
        }
        return payload
      })
    }),
  ),
  works('Hono', (options) => honoApp(options)),
  trapped('Hono with middleware that reads the body', (options) => honoApp(options, (request) => request.json())),
  works('Nest on Express', (options) => nestApp(options, { rawBody: true })),
  trapped('Nest on Express without rawBody', (options) => nestApp(options, {})),
  works('Nest on Fastify', (options) => nestApp(options, { rawBody: true, onFastify: true })),
  trapped('Nest on Fastify without rawBody', (options) => nestApp(options, { onFastify: true })),
  works('Google Cloud Functions, whose framework parses JSON first', (options) => {
    registerFunction('receive', gcp.createReceiver(options))
    return listening(getTestServer('receive'))
  }),
  works('Azure Functions', (options) => azureApp(options)),
  trapped('Azure Functions where the body was read', (options) => azureApp(options, (request) => request.json())),
  works('fetch, given the request', (options) => inProcess(fetchAdapter.createReceiver(options))),
  works('fetch, given { request }', (options) => {
    const receive = fetchAdapter.createReceiver(options)
    return inProcess((request) => receive({ request }))
  }),
  trapped('fetch, after request.json()', (options) => {
    const receive = fetchAdapter.createReceiver(options)
    return inProcess(async (request) => {
      await request.json()
      return await receive(request)
    })
  }),
  works('Next, App Router', (options) => inProcess(next.createReceiver(options))),
  works('Next, pages, with bodyParser: false', (options) => nextPages(next.createPagesReceiver(options))),
  trapped('Next, pages, with its body parser', (options) => {
    const receive = next.createPagesReceiver(options)
    return nextPages(async (request, response) => {
      const body: unknown = JSON.parse(await text(request))
      await receive(Object.assign(request, { body }), response)
    })
  }),
  works('Lambda, API Gateway v1', (options) => lambdaApp(options, ({ headers, body }) => ({ headers, body }))),
  works('Lambda, API Gateway v1, headers in title case and several values', (options) =>
    lambdaApp(options, ({ headers, body }) => {
      const titled = Object.entries(headers).map(([name, value]) => [name.replace(/\b[a-z]/g, upper), value] as const)
      const multiValueHeaders = Object.fromEntries(titled.map(([name, value]) => [name, [value]]))
      return { headers: Object.fromEntries(titled), multiValueHeaders, body, isBase64Encoded: false }
    }),
  ),
  works('Lambda, HTTP API and function URL, in Base64', (options) =>
    lambdaApp(options, ({ headers, body }) => ({
      headers,
      body: Buffer.from(body).toString('base64'),
      isBase64Encoded: true,
    })),
  ),
  works('Lambda, load balancer with several values', (options) =>
    lambdaApp(options, ({ headers, body }) => ({
      multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
      body,
      isBase64Encoded: false,
    })),
  ),
  trapped('Lambda, flag without Base64', (options) =>
    lambdaApp(options, ({ headers, body }) => ({ headers, body, isBase64Encoded: true })),
  ),
]

function works(name: string, start: Framework['start']): Framework {
  return { name, outcome: 'handled', start }
}

function trapped(name: string, start: Framework['start']): Framework {
  return { name, outcome: 'body_not_bytes', start }
}

async function listening(given: Server | RequestListener): Promise<Running> {
  const server = typeof given === 'function' ? createServer(given) : given
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    send: overHttp((server.address() as AddressInfo).port),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function overHttp(port: number): Running['send'] {
  return async (request) => {
    const body = await request.arrayBuffer()
    return await fetch(`http://127.0.0.1:${port}${PATH}`, { method: 'POST', headers: request.headers, body })
  }
}

/** As Next calls a route of its pages; in Next itself it runs among the rigs. */
function nextPages(handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Running> {
  return listening(createServer((request, response) => void handler(request, response)))
}

function inProcess(send: Running['send']): Running {
  return { send, close: async () => {} }
}

async function fastifyApp(
  options: ReceiverOptions,
  prepare: (app: FastifyInstance) => void = () => {},
): Promise<Running> {
  const app = fastify()
  prepare(app)
  await app.register(fastifyAdapter.createReceiver(options), { prefix: PATH })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { send: overHttp((app.server.address() as AddressInfo).port), close: () => app.close() }
}

function honoApp(options: ReceiverOptions, before: (request: Request) => unknown = () => {}): Running {
  const app = new Hono()
  app.use(async (context, proceed) => {
    await before(context.req.raw)
    await proceed()
  })
  app.post(PATH, honoAdapter.createReceiver(options))
  return inProcess(async (request) => await app.request(PATH, request))
}

// What decorators do, said without them: Node takes types out of a file, and nothing else.
async function nestApp(
  options: ReceiverOptions,
  { rawBody, onFastify }: { rawBody?: boolean; onFastify?: boolean },
): Promise<Running> {
  const receive = nest.createReceiver(options)
  class Webhooks {
    take(request: Parameters<typeof receive>[0], response: Parameters<typeof receive>[1]) {
      return receive(request, response)
    }
  }
  const take = Object.getOwnPropertyDescriptor(Webhooks.prototype, 'take')
  if (!take) throw new Error('A class without its method.')
  Post()(Webhooks.prototype, 'take', take)
  Req()(Webhooks.prototype, 'take', 0)
  Res()(Webhooks.prototype, 'take', 1)
  Controller(PATH)(Webhooks)
  class App {}
  Module({ controllers: [Webhooks] })(App)

  const settings = { rawBody, logger: false } as const
  const app: INestApplication = onFastify
    ? await NestFactory.create(App, new FastifyAdapter(), settings)
    : await NestFactory.create(App, settings)
  await app.listen(0, '127.0.0.1')
  return { send: overHttp(app.getHttpServer().address().port), close: () => app.close() }
}

function azureApp(options: ReceiverOptions, before: (request: HttpRequest) => unknown = () => {}): Running {
  const receive = azure.createReceiver(options)
  return inProcess(async (request) => {
    const { url, headers } = request
    const bytes = new Uint8Array(await request.arrayBuffer())
    const received = new HttpRequest({ method: 'POST', url, headers: Object.fromEntries(headers), body: { bytes } })
    await before(received)
    const { status, headers: answered, body } = await receive(received)
    return new Response(body, { status, headers: answered })
  })
}

function lambdaApp(
  options: ReceiverOptions,
  eventOf: (request: { headers: Record<string, string>; body: string }) => lambda.LambdaEvent,
): Running {
  const receive = lambda.createReceiver(options)
  return inProcess(async (request) => {
    const event = eventOf({ headers: Object.fromEntries(request.headers), body: await request.text() })
    const { statusCode, headers, multiValueHeaders, body } = await receive(event)
    const pairs = Object.entries(multiValueHeaders ?? {}).flatMap(([name, values]) =>
      values.map((value) => [name, value]),
    )
    return new Response(body, { status: statusCode, headers: headers ?? Object.fromEntries(pairs) })
  })
}

function upper(letter: string): string {
  return letter.toUpperCase()
}
