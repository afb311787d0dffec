import type { World } from './world.ts'

/** A screen of somebody who is signed in. */
export type Screen = {
  name: string
  path: (world: World) => string
  /** The call whose answer it lists, to force its states by. */
  list?: RegExp
  /** Rows that are links. */
  hasRows?: true
  /** A filter, where its list has one: nothing matches it. */
  filter?: string
  /** Of the person who looks: a colleague reads something else there. */
  isOwn?: true
  /** What it lists follows the live stream. */
  isLive?: true
  /** It says that there is nothing, or nothing for this person. */
  isRefusal?: true
  /** Around it is no account, and so neither environment nor commands. */
  isOutside?: true
}

const inAccount =
  (path: string): Screen['path'] =>
  ({ account }) =>
    `/portal/a/${account}/${path}`
const ofEndpoint =
  (tab: string): Screen['path'] =>
  (world) =>
    inAccount(`endpoints/${world.failing}${tab === '' ? '' : `?tab=${tab}`}`)(world)

export const SCREENS: readonly Screen[] = [
  { name: 'home', path: inAccount(''), list: /\/delivery$/, isLive: true, hasRows: true },
  {
    name: 'endpoints',
    path: inAccount('endpoints'),
    list: /\/endpoint-health$/,
    isLive: true,
    hasRows: true,
    filter: 'q=nothing',
  },
  { name: 'endpoint-new', path: inAccount('endpoints/new') },
  { name: 'endpoint', path: ofEndpoint(''), hasRows: true },
  {
    ...{ name: 'endpoint-deliveries', path: ofEndpoint('deliveries'), list: /\/delivery$/, hasRows: true },
    filter: 'state=canceled',
  },
  { name: 'endpoint-testing', path: ofEndpoint('testing') },
  { name: 'endpoint-secrets', path: ofEndpoint('secrets') },
  { name: 'endpoint-settings', path: ofEndpoint('settings') },
  { name: 'log', path: inAccount('log'), list: /\/delivery$/, isLive: true, hasRows: true, filter: 'state=canceled' },
  { name: 'event', path: (world) => inAccount(`events/${world.event}`)(world) },
  { name: 'event-hostile', path: (world) => inAccount(`events/${world.hostileEvent}`)(world) },
  {
    name: 'attempt',
    path: (world) => inAccount(`events/${world.event}?attempt=${world.attempts[0]}&shown=request`)(world),
  },
  {
    name: 'compare',
    path: (world) => inAccount(`events/${world.event}?attempt=${world.attempts[0]}&with=${world.attempts[1]}`)(world),
  },
  { name: 'replays', path: inAccount('replays'), list: /\/replay$/, isLive: true, hasRows: true },
  { name: 'replay', path: (world) => inAccount(`replays/${world.replay}`)(world) },
  {
    name: 'issues',
    path: inAccount('issues'),
    list: /\/issue$/,
    isLive: true,
    hasRows: true,
    filter: 'state=acknowledged',
  },
  { name: 'issue', path: (world) => inAccount(`issues/${world.issue}`)(world) },
  { name: 'catalog', path: inAccount('catalog'), list: /\/event-type$/, hasRows: true, filter: 'q=nothing' },
  { name: 'catalog-type', path: inAccount('catalog/producersync.npn.activated') },
  {
    name: 'producers',
    path: inAccount('producers'),
    list: /\/population$/,
    isLive: true,
    hasRows: true,
    filter: 'q=nothing',
  },
  { name: 'producer', path: (world) => inAccount(`producers/${world.npns[0]}`)(world), hasRows: true },
  { name: 'producers-change', path: inAccount('producers/change?mode=add') },
  { name: 'jobs', path: inAccount('producers/jobs'), list: /\/population\/job$/, isLive: true, hasRows: true },
  {
    ...{ name: 'job', path: (world) => inAccount(`producers/jobs/${world.job}`)(world), list: /\/item$/ },
    filter: 'state=invalid',
  },
  { name: 'runs', path: inAccount('runs'), list: /\/run$/, isLive: true, hasRows: true },
  { name: 'run', path: (world) => inAccount(`runs/${world.runDate}`)(world) },
  { name: 'activity', path: inAccount('activity'), list: /\/audit$/, filter: 'q=nothing' },
  { name: 'developers', path: inAccount('developers'), list: /\/key$/ },
  { name: 'notifications', path: inAccount('settings/notifications') },
  { name: 'profile', path: inAccount('settings/profile'), isOwn: true },
  { name: 'members', path: inAccount('settings/members'), list: /\/member$/ },
  { name: 'branding', path: inAccount('settings/branding') },
  { name: 'cli-login', path: ({ userCode }) => `/portal/cli-login?code=${userCode}`, isOutside: true },
  { name: 'login', path: () => '/portal/login', isOutside: true },
  { name: 'expired', path: () => '/portal/expired', isOutside: true },
  { name: 'not-found', path: () => '/portal/nothing', isOutside: true, isRefusal: true },
]

/** Of the operator's staff, who look after all accounts of an environment, and into one of them. */
export const STAFF_SCREENS: readonly Screen[] = [
  {
    name: 'staff-runs',
    path: () => '/portal/env/runs',
    list: /\/v1\/admin\/runs$/,
    hasRows: true,
    filter: 'state=held',
  },
  { name: 'staff-run', path: ({ run }) => `/portal/env/runs/${run}`, hasRows: true },
  { name: 'staff-look', path: () => '/portal/env/look' },
  {
    ...{ name: 'staff-accounts', path: () => '/portal/env', list: /\/env\/account$/, hasRows: true },
    filter: 'q=nothing',
  },
  { name: 'staff-links', path: () => '/portal/env/links', list: /\/env\/login-link$/ },
  { name: 'staff-health', path: () => '/portal/env/health', hasRows: true },
  { name: 'staff-activity', path: () => '/portal/env/activity', list: /\/env\/audit$/, filter: 'q=nothing' },
  { name: 'staff-account', path: inAccount(''), hasRows: true },
]

/** What a page says of which the role knows nothing. */
export const FORBIDDEN: readonly Screen[] = ['endpoints/new', 'producers/change', 'activity', 'settings/members'].map(
  (path) => ({ name: `forbidden ${path}`, path: inAccount(path) }),
)
