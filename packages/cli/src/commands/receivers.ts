/** A program that receives: what `psapi init` writes. Each runs as it is, with the packages that it names. */
export type Receiver = {
  file: string
  packages: readonly string[]
  /** What starts it; null: whatever serves the framework. */
  start: string | null
  source: string
}

/** Where receivers listen, unless `PORT` says otherwise. */
const PORT_DEFAULT = 3000
export const RECEIVER_PATH = '/webhooks'
export const RECEIVER_URL = `http://127.0.0.1:${PORT_DEFAULT}${RECEIVER_PATH}`

const PACKAGE = '@producersync/webhooks'
const START = 'node --env-file=.env receiver.mjs'

/** What every receiver does with what it gets. It stands in the customer's file, to be changed there. */
const options = `{
  secrets: () => (process.env.PSAPI_WEBHOOK_SECRETS ?? '').split(' '),
  on: {
    // Store or queue the event and return: the sender waits 5 s. What throws is sent again.
    'producersync.updates_available': say, // pull what has changed since event.data.runDate
    'producersync.npn.activated': say,
    'producersync.npn.deactivated': say,
    'producersync.npn.data_ready': say,
  },
  onUnknown: say, // your own types, and tests such as webhook.ping
  onError: (trouble) => console.error(trouble.kind, trouble.kind === 'slow' ? trouble.event.type : trouble.error.message),
}`
const said = "const say = ({ type, id, data }) => console.log('verified', type, id, data)"
const port = `const port = Number(process.env.PORT ?? ${PORT_DEFAULT})
const listening = () => console.log(\`receiving on http://127.0.0.1:\${port}${RECEIVER_PATH}\`)`

/** @param parts  imports, and what hangs `receive` into the framework */
function program(entry: string, { imports, last, runs = true }: { imports: string; last: string; runs?: boolean }) {
  const from = `${PACKAGE}${entry}`
  const head = runs ? `// Receives ProducerSync webhooks: ${START}\n` : '// Receives ProducerSync webhooks.\n'
  return `${head}import { createReceiver } from '${from}'
${imports}
${said}

const receive = createReceiver(${options})

${runs ? `${port}\n` : ''}${last}
`
}

export const receivers: Readonly<Record<string, Receiver>> = {
  node: {
    file: 'receiver.mjs',
    packages: [PACKAGE],
    start: START,
    source: program('/node-http', {
      imports: "import { createServer } from 'node:http'\n",
      last: "createServer(receive).listen(port, '127.0.0.1', listening)",
    }),
  },
  express: {
    file: 'receiver.mjs',
    packages: [PACKAGE, 'express'],
    start: START,
    source: program('/express', {
      imports: "import express from 'express'\n",
      last: `const app = express()
app.post('${RECEIVER_PATH}', receive) // above any express.json(): a parser that runs before uses up the raw body
app.listen(port, '127.0.0.1', listening)`,
    }),
  },
  fastify: {
    file: 'receiver.mjs',
    packages: [PACKAGE, 'fastify'],
    start: START,
    source: program('/fastify', {
      imports: "import { fastify } from 'fastify'\n",
      last: `const app = fastify()
app.register(receive, { prefix: '${RECEIVER_PATH}' })
await app.listen({ port, host: '127.0.0.1' })
listening()`,
    }),
  },
  hono: {
    file: 'receiver.mjs',
    packages: [PACKAGE, 'hono'],
    start: null,
    source: program('/hono', {
      imports: "import { Hono } from 'hono'\n",
      last: `const app = new Hono()
app.post('${RECEIVER_PATH}', receive)

export default app // Bun, Deno and Workers serve it; on Node, @hono/node-server does`,
      runs: false,
    }),
  },
  next: {
    file: 'app/webhooks/route.js',
    packages: [PACKAGE],
    start: 'npx next dev',
    source: program('/next', { imports: '', last: 'export const POST = receive', runs: false }),
  },
}
