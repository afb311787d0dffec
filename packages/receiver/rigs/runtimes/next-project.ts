import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const options = `{
  secrets: () => process.env.PSAPI_WEBHOOK_SECRETS.split(' '),
  on: { 'producersync.npn.activated': () => {} },
}`

const files = {
  'app/layout.jsx': 'export default function Layout({ children }) { return <html><body>{children}</body></html> }',
  'app/api/app-router/route.js': `
import { createReceiver } from '@producersync/webhooks/next'
export const POST = createReceiver(${options})`,
  'app/api/app-router-trap/route.js': `
import { createReceiver } from '@producersync/webhooks/next'
const receive = createReceiver(${options})
export async function POST(request) {
  await request.json()
  return await receive(request)
}`,
  'app/api/edge/route.js': `
import { createReceiver } from '@producersync/webhooks/next'
export const runtime = 'edge'
export const POST = createReceiver(${options})`,
  'pages/api/pages.js': `
import { createPagesReceiver } from '@producersync/webhooks/next'
export const config = { api: { bodyParser: false } }
export default createPagesReceiver(${options})`,
  'pages/api/pages-trap.js': `
import { createPagesReceiver } from '@producersync/webhooks/next'
export default createPagesReceiver(${options})`,
}

/** The routes of a Next project, and what becomes of a webhook there. */
export const nextRoutes = {
  'app-router': 'handled',
  'app-router-trap': 'body_not_bytes',
  edge: 'handled',
  pages: 'handled',
  'pages-trap': 'body_not_bytes',
}

/** Writes a Next project with a receiver on each kind of route, and two with their traps set. */
export function writeNextProject(folder: string): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}
