import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { parseSearch, type RawSearch, stringifySearch } from './address/search.ts'
import { TipLayer } from './parts/tip-layer.tsx'
import { Toasts } from './parts/toast.tsx'
import { accountOf } from './session/account.ts'
import { SessionGuard } from './session/guards.tsx'
import { loadSession } from './session/session.ts'
import { AccountShell } from './shell/account-shell.tsx'
import { pageOf } from './shell/destination.ts'
import { FailedScreen, NotFoundScreen } from './shell/other-screens.tsx'

const root = createRootRoute({
  component: () => (
    <>
      <Outlet />
      <SessionGuard />
      <TipLayer />
      <Toasts />
    </>
  ),
  // addresses are kept as they are; screens read what they know with readShared
  validateSearch: (search: RawSearch): RawSearch => search,
  notFoundComponent: NotFoundScreen,
  errorComponent: FailedScreen,
})

/** @throws redirect to the sign-in page, which comes back here */
async function signedIn(href: string) {
  const state = await loadSession()
  if (state.kind === 'open' || state.kind === 'ended') return state.session
  throw redirect({ to: '/login', search: href === '/' ? {} : { next: href } })
}

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: async ({ location }) => {
    const { grants } = await signedIn(location.href)
    const [first] = grants
    if (!first) throw redirect({ to: '/env' })
    throw redirect({ to: '/a/$account', params: { account: first.account.id }, replace: true })
  },
})

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: lazyRouteComponent(() => import('./session/login-screen.tsx'), 'LoginScreen'),
})

const expired = createRoute({
  getParentRoute: () => root,
  path: '/expired',
  component: lazyRouteComponent(() => import('./session/login-screen.tsx'), 'ExpiredScreen'),
})

const cliLogin = createRoute({
  getParentRoute: () => root,
  path: '/cli-login',
  beforeLoad: async ({ location }) => void (await signedIn(location.href)),
  component: lazyRouteComponent(() => import('./cli-login/cli-login-screen.tsx'), 'CliLoginScreen'),
})

const object = createRoute({
  getParentRoute: () => root,
  path: '/o/$id',
  beforeLoad: async ({ location, params, search }) => {
    const session = await signedIn(location.href)
    const wanted = search.account ?? session.grants[0]?.account.id
    const account = wanted === undefined ? undefined : accountOf(session, wanted)
    const page = account && (await pageOf(account.id, params.id))
    if (!page) throw notFound()
    throw redirect({ href: `/a/${account.id}/${page.path}${stringifySearch(page.search)}`, replace: true })
  },
})

const account = createRoute({
  getParentRoute: () => root,
  path: '/a/$account',
  beforeLoad: async ({ location, params }) => {
    if (!accountOf(await signedIn(location.href), params.account)) throw notFound()
  },
  component: AccountShell,
})

const inAccount = { getParentRoute: () => account } as const

const home = createRoute({
  ...inAccount,
  path: '/',
  component: lazyRouteComponent(() => import('./home/home-screen.tsx'), 'HomeScreen'),
})
const endpoints = createRoute({
  ...inAccount,
  path: '/endpoints',
  component: lazyRouteComponent(() => import('./endpoints/endpoints-screen.tsx'), 'EndpointsScreen'),
})
const newEndpoint = createRoute({
  ...inAccount,
  path: '/endpoints/new',
  component: lazyRouteComponent(() => import('./endpoint-form/new-endpoint-screen.tsx'), 'NewEndpointScreen'),
})
const endpoint = createRoute({
  ...inAccount,
  path: '/endpoints/$endpoint',
  component: lazyRouteComponent(() => import('./endpoint/endpoint-screen.tsx'), 'EndpointScreen'),
})
const log = createRoute({
  ...inAccount,
  path: '/log',
  component: lazyRouteComponent(() => import('./log/log-screen.tsx'), 'LogScreen'),
})
const event = createRoute({
  ...inAccount,
  path: '/events/$event',
  component: lazyRouteComponent(() => import('./event/event-screen.tsx'), 'EventScreen'),
})
const replays = createRoute({
  ...inAccount,
  path: '/replays',
  component: lazyRouteComponent(() => import('./replays/replays-screen.tsx'), 'ReplaysScreen'),
})
const replay = createRoute({
  ...inAccount,
  path: '/replays/$task',
  component: lazyRouteComponent(() => import('./replays/replay-screen.tsx'), 'ReplayScreen'),
})
const issues = createRoute({
  ...inAccount,
  path: '/issues',
  component: lazyRouteComponent(() => import('./issues/issues-screen.tsx'), 'IssuesScreen'),
})
const issue = createRoute({
  ...inAccount,
  path: '/issues/$issue',
  component: lazyRouteComponent(() => import('./issues/issue-screen.tsx'), 'IssueScreen'),
})
const catalog = createRoute({
  ...inAccount,
  path: '/catalog',
  component: lazyRouteComponent(() => import('./catalog/catalog-screen.tsx'), 'CatalogScreen'),
})
const eventType = createRoute({
  ...inAccount,
  path: '/catalog/$type',
  component: lazyRouteComponent(() => import('./catalog/event-type-screen.tsx'), 'EventTypeScreen'),
})
const producers = createRoute({
  ...inAccount,
  path: '/producers',
  component: lazyRouteComponent(() => import('./producers/producers-screen.tsx'), 'ProducersScreen'),
})
const change = createRoute({
  ...inAccount,
  path: '/producers/change',
  component: lazyRouteComponent(() => import('./producers/change-screen.tsx'), 'ChangeScreen'),
})
const jobs = createRoute({
  ...inAccount,
  path: '/producers/jobs',
  component: lazyRouteComponent(() => import('./producers/jobs-screen.tsx'), 'JobsScreen'),
})
const job = createRoute({
  ...inAccount,
  path: '/producers/jobs/$job',
  component: lazyRouteComponent(() => import('./producers/job-screen.tsx'), 'JobScreen'),
})
const producer = createRoute({
  ...inAccount,
  path: '/producers/$npn',
  component: lazyRouteComponent(() => import('./producers/producer-screen.tsx'), 'ProducerScreen'),
})
const runs = createRoute({
  ...inAccount,
  path: '/runs',
  component: lazyRouteComponent(() => import('./runs/runs-screen.tsx'), 'RunsScreen'),
})
const run = createRoute({
  ...inAccount,
  path: '/runs/$runDate',
  component: lazyRouteComponent(() => import('./runs/run-screen.tsx'), 'RunScreen'),
})
const activity = createRoute({
  ...inAccount,
  path: '/activity',
  component: lazyRouteComponent(() => import('./activity/activity-screen.tsx'), 'ActivityScreen'),
})
const developers = createRoute({
  ...inAccount,
  path: '/developers',
  component: lazyRouteComponent(() => import('./developers/developers-screen.tsx'), 'DevelopersScreen'),
})
const settings = createRoute({
  ...inAccount,
  path: '/settings',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/a/$account/settings/profile', params, replace: true })
  },
})
const profile = createRoute({
  ...inAccount,
  path: '/settings/profile',
  component: lazyRouteComponent(() => import('./settings/profile-screen.tsx'), 'ProfileScreen'),
})
const notifications = createRoute({
  ...inAccount,
  path: '/settings/notifications',
  component: lazyRouteComponent(() => import('./notices/notifications-screen.tsx'), 'NotificationsScreen'),
})
const members = createRoute({
  ...inAccount,
  path: '/settings/members',
  component: lazyRouteComponent(() => import('./settings/members-screen.tsx'), 'MembersScreen'),
})

const branding = createRoute({
  ...inAccount,
  path: '/settings/branding',
  component: lazyRouteComponent(() => import('./settings/branding-screen.tsx'), 'BrandingScreen'),
})

const environment = createRoute({
  getParentRoute: () => root,
  path: '/env',
  beforeLoad: async ({ location }) => {
    const { staff } = await signedIn(location.href)
    if (!staff) throw notFound()
  },
  component: lazyRouteComponent(() => import('./env/env-shell.tsx'), 'EnvShell'),
})
const inEnvironment = { getParentRoute: () => environment } as const

const accounts = createRoute({
  ...inEnvironment,
  path: '/',
  component: lazyRouteComponent(() => import('./env/accounts-screen.tsx'), 'AccountsScreen'),
})
const links = createRoute({
  ...inEnvironment,
  path: '/links',
  component: lazyRouteComponent(() => import('./env/links-screen.tsx'), 'LinksScreen'),
})
const health = createRoute({
  ...inEnvironment,
  path: '/health',
  component: lazyRouteComponent(() => import('./env/health-screen.tsx'), 'HealthScreen'),
})
const environmentActivity = createRoute({
  ...inEnvironment,
  path: '/activity',
  component: lazyRouteComponent(() => import('./env/env-activity-screen.tsx'), 'EnvActivityScreen'),
})

const environmentRuns = createRoute({
  ...inEnvironment,
  path: '/runs',
  component: lazyRouteComponent(() => import('./env/env-runs-screen.tsx'), 'EnvRunsScreen'),
})
const environmentRun = createRoute({
  ...inEnvironment,
  path: '/runs/$run',
  component: lazyRouteComponent(() => import('./env/env-run-screen.tsx'), 'EnvRunScreen'),
})
const environmentLook = createRoute({
  ...inEnvironment,
  path: '/look',
  component: lazyRouteComponent(() => import('./env/look-screen.tsx'), 'EnvLookScreen'),
})

const tree = root.addChildren([
  start,
  login,
  expired,
  cliLogin,
  object,
  account.addChildren([
    home,
    endpoints,
    newEndpoint,
    endpoint,
    log,
    event,
    replays,
    replay,
    issues,
    issue,
    catalog,
    eventType,
    producers,
    change,
    jobs,
    job,
    producer,
    runs,
    run,
    activity,
    developers,
    settings,
    profile,
    notifications,
    members,
    branding,
  ]),
  environment.addChildren([
    accounts,
    links,
    environmentRuns,
    environmentRun,
    health,
    environmentActivity,
    environmentLook,
  ]),
])

export const router = createRouter({
  routeTree: tree,
  basepath: '/portal',
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPreloadDelay: 100,
  scrollRestoration: true,
  trailingSlash: 'preserve',
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
