import type { World } from './world.ts'

/** A screen of somebody who is signed in to the account. `list`: the call whose answer it lists, to force its states by. */
export type Screen = { name: string; path: (world: World) => string; list?: RegExp }

const inAccount =
  (path: string): Screen['path'] =>
  ({ account }) =>
    `/portal/a/${account}/${path}`

export const SCREENS: readonly Screen[] = [
  { name: 'home', path: inAccount('') },
  { name: 'endpoints', path: inAccount('endpoints'), list: /\/endpoint(\?|$)/ },
  { name: 'endpoint-new', path: inAccount('endpoints/new') },
  { name: 'endpoint', path: (world) => inAccount(`endpoints/${world.failing}`)(world) },
  { name: 'endpoint-deliveries', path: (world) => inAccount(`endpoints/${world.failing}?tab=deliveries`)(world) },
  { name: 'endpoint-testing', path: (world) => inAccount(`endpoints/${world.failing}?tab=testing`)(world) },
  { name: 'endpoint-secrets', path: (world) => inAccount(`endpoints/${world.failing}?tab=secrets`)(world) },
  { name: 'endpoint-settings', path: (world) => inAccount(`endpoints/${world.failing}?tab=settings`)(world) },
  { name: 'log', path: inAccount('log'), list: /\/delivery(\?|$)/ },
  { name: 'event', path: (world) => inAccount(`events/${world.event}`)(world) },
  { name: 'event-hostile', path: (world) => inAccount(`events/${world.hostileEvent}`)(world) },
  { name: 'attempt', path: (world) => inAccount(`events/${world.event}?attempt=${world.attempts[0]}`)(world) },
  {
    name: 'compare',
    path: (world) => inAccount(`events/${world.event}?attempt=${world.attempts[0]}&with=${world.attempts[1]}`)(world),
  },
  { name: 'replays', path: inAccount('replays'), list: /\/replay(\?|$)/ },
  { name: 'issues', path: inAccount('issues'), list: /\/issue(\?|$)/ },
  { name: 'catalog', path: inAccount('catalog') },
  { name: 'catalog-type', path: inAccount('catalog/producersync.npn.activated') },
  { name: 'producers', path: inAccount('producers'), list: /\/population(\?|$)/ },
  { name: 'producer', path: (world) => inAccount(`producers/${world.npns[0]}`)(world) },
  { name: 'producers-change', path: inAccount('producers/change?mode=add') },
  { name: 'runs', path: inAccount('runs'), list: /\/run(\?|$)/ },
  { name: 'activity', path: inAccount('activity'), list: /\/audit(\?|$)/ },
  { name: 'developers', path: inAccount('developers') },
  { name: 'notifications', path: inAccount('settings/notifications') },
  { name: 'profile', path: inAccount('settings/profile') },
  { name: 'members', path: inAccount('settings/members') },
  { name: 'branding', path: inAccount('settings/branding') },
  { name: 'cli-login', path: ({ userCode }) => `/portal/cli-login?code=${userCode}` },
]

/** Of the operator's staff, who look after all accounts of an environment, and into one of them. */
export const STAFF_SCREENS: readonly Screen[] = [
  { name: 'staff-runs', path: () => '/portal/env/runs', list: /\/v1\/admin\/runs$/ },
  { name: 'staff-look', path: () => '/portal/env/look' },
  { name: 'staff-accounts', path: () => '/portal/env' },
  { name: 'staff-links', path: () => '/portal/env/links' },
  { name: 'staff-health', path: () => '/portal/env/health' },
  { name: 'staff-activity', path: () => '/portal/env/activity' },
  { name: 'staff-account', path: inAccount('') },
]
