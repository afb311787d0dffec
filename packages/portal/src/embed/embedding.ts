import { ApiError } from '#src/api/request.ts'
import { setTheme } from '#src/look/theme.ts'
import type { router } from '#src/routes.tsx'
import { safeNext } from '#src/session/login-link.ts'
import { onSession, sessionState, signIn } from '#src/session/session.ts'
import { hearHost, tellHost } from './host.ts'

type Router = typeof router

/** Makes this page part of the one around it: as high as what it shows, signed in by it, in its theme. Source: portal 11. */
export function embed(router: Router, signal: AbortSignal): void {
  document.documentElement.dataset.embedded = ''
  tellHeight(signal)
  signal.addEventListener(
    'abort',
    router.subscribe('onResolved', ({ toLocation, pathChanged, hrefChanged }) => {
      if (pathChanged || hrefChanged)
        tellHost({ type: 'psapi:navigate', path: toLocation.pathname + toLocation.searchStr })
    }),
  )
  signal.addEventListener(
    'abort',
    onSession(() => {
      const { kind } = sessionState()
      if (kind === 'none' || kind === 'ended') tellHost({ type: 'psapi:session-needed' })
    }),
  )
  hearHost((message) => {
    if (message.type === 'psapi:theme') setTheme(message.scheme, { isKept: false })
    else void enter(router, message.key)
  }, signal)
  tellHost({ type: 'psapi:ready' })
}

function tellHeight(signal: AbortSignal): void {
  const root = document.getElementById('root')
  if (!root) return
  let told = 0
  const watching = new ResizeObserver(() => {
    const height = Math.ceil(root.getBoundingClientRect().height)
    if (height === told) return
    told = height
    tellHost({ type: 'psapi:resize', height })
  })
  watching.observe(root)
  signal.addEventListener('abort', () => watching.disconnect())
}

/** By a key that the host gives. Who was signed in goes on where they are; who was not comes in. */
async function enter(router: Router, key: string): Promise<void> {
  const was = sessionState().kind
  const next = safeNext(new URLSearchParams(location.search).get('next'))
  try {
    const { grants } = await signIn(key, { embed: true })
    if (was === 'ended' || was === 'open') return
    await router.navigate({ href: next ?? (grants[0] ? `/a/${grants[0].account.id}` : '/env'), replace: true })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (was !== 'ended') await router.navigate({ to: '/expired', replace: true })
  }
}
