import { registerHooks } from 'node:module'
import { Window } from 'happy-dom'
import { createElement } from 'react'
import type * as SvixReact from 'svix-react'

/**
 * A page of a customer's, made with the hooks of `svix-react` and nothing else: a process of its own, as the hooks want a
 * browser's globals. Its argument is the orders, as JSON; its last line what was seen.
 */
export type PageOrders = { serverUrl: string; token: string; appId: string; messageId: string; receiverUrl: string }
export type PageResult = { checks: number; faults: string[] }

const SEEN_MS_MAX = 60_000
const orders = JSON.parse(process.argv[2] ?? '') as PageOrders
const result: PageResult = { checks: 0, faults: [] }

// svix-react 1.13 works with SDK 1.x alone; beside it npm puts the 2.x that the rig uses too (webhook-api 18.3)
registerHooks({
  resolve: (specifier, context, next) => {
    const isOfHooks = specifier === 'svix' && context.parentURL?.includes('/svix-react/')
    return isOfHooks ? next('svix-v1', { ...context, parentURL: import.meta.url }) : next(specifier, context)
  },
})
const window = new Window({ url: 'http://localhost/' })
Object.assign(globalThis, { window, document: window.document })
const { createRoot } = await import('react-dom/client')
const hooks: typeof SvixReact = await import('svix-react')

/** An element of the page: happy-dom's types are its own. */
function newElement(): Parameters<typeof createRoot>[0] {
  const element: unknown = window.document.createElement('div')
  return element as Parameters<typeof createRoot>[0]
}

const provider = { token: orders.token, appId: orders.appId, options: { serverUrl: orders.serverUrl } }

/** Renders a component that calls the hook, until what the hook gives is what is waited for. */
async function render<T>(use: () => T, isWanted: (given: T) => boolean): Promise<T> {
  const root = createRoot(newElement())
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  let latest: T | undefined
  const late = setTimeout(() => reject(new Error(`gave ${JSON.stringify(latest)}`)), SEEN_MS_MAX)
  const Probe = () => {
    const given = use()
    latest = given
    if (isWanted(given)) resolve(given)
    return null
  }
  // biome-ignore lint/correctness/noChildrenProp: the type of its properties wants it there
  root.render(createElement(hooks.SvixProvider, { ...provider, children: createElement(Probe) }))
  try {
    return await promise
  } finally {
    clearTimeout(late)
    root.unmount()
  }
}

async function check(what: string, work: () => Promise<unknown>): Promise<void> {
  result.checks += 1
  try {
    const held = await work()
    if (held === false) result.faults.push(`svix-react: ${what}`)
  } catch (error) {
    result.faults.push(`svix-react: ${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

type Loaded<T> = { data: T | undefined; error: Error | undefined }
/** Resolves with what a hook has loaded. @throws the hook's error */
async function load<T>(use: () => Loaded<T>): Promise<T> {
  const { data, error } = await render(use, (given) => given.data !== undefined || given.error !== undefined)
  if (data === undefined) throw error ?? new Error('nothing was loaded')
  return data
}

let endpointId = ''
await check('useNewEndpoint creates an endpoint that gets everything when no types are chosen', async () => {
  let isFilled = false
  const form = await render(hooks.useNewEndpoint, (given) => {
    if (!isFilled) queueMicrotask(() => given.url.setValue(orders.receiverUrl))
    isFilled = true
    return given.url.value === orders.receiverUrl
  })
  const { endpoint, error } = await form.createEndpoint()
  if (!endpoint) throw error ?? new Error('no endpoint')
  endpointId = endpoint.id
  return endpoint.url === orders.receiverUrl
})
await check('useEndpoints lists, and turns to the next page', async () => {
  const first = await render(
    () => hooks.useEndpoints({ limit: 1 }),
    ({ data }) => data !== undefined,
  )
  return first.data?.length === 1 && first.hasNextPage
})
await check('useEndpoint reads', async () => (await load(() => hooks.useEndpoint(endpointId))).id === endpointId)
await check('useEndpointFunctions updates', async () => {
  const { updateEndpoint } = await render(
    () => hooks.useEndpointFunctions(endpointId),
    () => true,
  )
  return (await updateEndpoint({ url: orders.receiverUrl, description: 'By hooks' })).description === 'By hooks'
})
await check('useEndpointSecret reads and rotates', async () => {
  const before = await render(
    () => hooks.useEndpointSecret(endpointId),
    ({ data }) => data !== undefined,
  )
  await before.rotateSecret({})
  return (await load(() => hooks.useEndpointSecret(endpointId))).key !== before.data?.key
})
await check('useEndpointHeaders reads, replaces and patches', async () => {
  const before = await render(
    () => hooks.useEndpointHeaders(endpointId),
    ({ data }) => data !== undefined,
  )
  await before.updateEndpointHeaders({ headers: { 'x-one': '1' } })
  await before.patchEndpointHeaders({ headers: { 'x-two': '2' } })
  const { headers } = await load(() => hooks.useEndpointHeaders(endpointId))
  return headers['x-one'] === '1' && headers['x-two'] === '2'
})
await check('useEndpointStats reads', async () => (await load(() => hooks.useEndpointStats(endpointId))).success >= 0)
await check('useEventTypes lists', async () => (await load(() => hooks.useEventTypes({ limit: 10 }))).length > 0)
await check('useMessages lists', async () => (await load(() => hooks.useMessages({ limit: 10 }))).length > 0)
await check(
  'useMessage reads',
  async () => (await load(() => hooks.useMessage(orders.messageId))).id === orders.messageId,
)
await check(
  'useMessageEndpoints lists',
  async () => (await load(() => hooks.useMessageEndpoints(orders.messageId))).length > 0,
)
await check('useMessageAttempts lists, useAttemptFunctions sends again', async () => {
  const [attempt] = await load(() => hooks.useMessageAttempts(orders.messageId))
  if (!attempt) throw new Error('no attempt')
  const { resendAttempt } = await render(
    () => hooks.useAttemptFunctions(attempt),
    () => true,
  )
  await resendAttempt()
  const { endpointId: of } = attempt
  const all = await load(() => hooks.useEndpointMessageAttempts(of, { withMsg: true }))
  return all.length > 0 && (await load(() => hooks.useAttemptedMessages(of))).length > 0
})
await check('useEndpointFunctions recovers and deletes', async () => {
  const functions = await render(
    () => hooks.useEndpointFunctions(endpointId),
    () => true,
  )
  await functions.recoverEndpointMessages({ since: new Date(Date.now() - 3_600_000) })
  await functions.deleteEndpoint()
})

process.stdout.write(`${JSON.stringify(result)}\n`)
await window.happyDOM.close()
