/** Everything the pages say, in one place. Numbers and dates are written by Intl; functions put them in. */
const number = new Intl.NumberFormat('en-US')
export const count = (value: number): string => number.format(value)
const percent = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 2 })
export const share = (part: number, whole: number): string => percent.format(whole === 0 ? 0 : part / whole)
/** What was counted, and whether it was counted no further: `412`, `10,000+`. */
export type Counted = { count: number; capped: boolean }
export const countOf = ({ count: value, capped }: Counted): string => `${count(value)}${capped ? '+' : ''}`
/** Of what is counted no further than `max`: `1,000+`. */
export const countUpTo = (value: number, max: number): string =>
  countOf({ count: Math.min(value, max), capped: value >= max })
const and = new Intl.ListFormat('en-US', { type: 'conjunction' })
const or = new Intl.ListFormat('en-US', { type: 'disjunction' })
/** `a, b, and c`. */
export const listOf = (words: readonly string[]): string => and.format(words)
/** `a, b, or c`. */
export const eitherOf = (words: readonly string[]): string => or.format(words)
/** `1 endpoint`, `2 endpoints`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

export const text = {
  product: 'ProducerSync',

  common: {
    cancel: 'Cancel',
    close: 'Close',
    save: 'Save',
    saved: 'Saved',
    working: 'Working…',
    saving: 'Saving…',
    retry: 'Retry',
    loading: 'Loading',
    dismiss: 'Dismiss',
    more: 'More',
    all: 'All',
    none: '–',
    never: 'Never',
    now: 'now',
    yes: 'Yes',
    no: 'No',
    clear: 'Clear filters',
    filters: 'Filters',
    search: 'Search',
    download: 'Download',
    back: 'Back',
    stale: (at: string) => `As of ${at}, reconnecting`,
    ignored: (names: string) => `Part of this address could not be read and was left out: ${names}.`,
  },

  copy: {
    name: (what: string) => `Copy ${what}`,
    done: 'Copied',
    blocked: (what: string) => `${what}: the clipboard is blocked, press Ctrl+C`,
  },

  list: {
    newer: '‹ Newer',
    older: 'Older ›',
    atStart: 'These are the newest',
    atEnd: 'There is nothing older',
    filters: 'Filters',
    filtersOn: 'Filters, in use',
    show: 'Show what matches',
    showing: (found: Counted) => `Show ${countOf(found)}`,
  },

  danger: {
    typeName: (name: string) => `Type ${name} to go on`,
    typeFirst: 'Type the name first',
  },

  errors: {
    page: 'This part of the page failed',
    pageAdvice: 'Reload the page. If it happens again, tell us what you did.',
    request: 'Request',
    requestName: 'request ID',
    fault: (field: string, what: string) => (field === '' ? what : `${field}: ${what}`),
    byStatus(status: number, retryAfterSeconds: number | null): { title: string; advice: string } {
      const wait = retryAfterSeconds === null ? 'in a moment' : `in ${plural(Math.ceil(retryAfterSeconds), 'second')}`
      switch (status) {
        case 0:
          return { title: 'The service did not answer', advice: 'Check your connection, then try again.' }
        case 401:
          return { title: 'Your session has ended', advice: 'Open a new login link to go on.' }
        case 403:
          return { title: 'Not allowed', advice: 'Your role does not include this. Ask an admin of the account.' }
        case 404:
          return { title: 'Not found', advice: 'It may have been deleted, or it belongs to another account.' }
        case 409:
          return {
            title: 'This cannot be done now',
            advice: 'Somebody changed it, or it is in use. Reload, then decide again.',
          }
        case 429:
          return { title: 'Too many requests', advice: `Try again ${wait}.` }
        case 400:
        case 422:
          return { title: 'The service could not accept this', advice: 'Correct it and send it again.' }
        default:
          return status >= 500
            ? { title: 'The service failed', advice: `Nothing was lost. Try again ${wait}.` }
            : { title: 'The service refused this', advice: 'Check what you sent.' }
      }
    },
  },

  notFound: {
    title: 'Page not found',
    body: 'There is nothing at this address. It may have been deleted, or the link was cut.',
    home: 'Go to Home',
  },
  forbidden: {
    title: 'Not for your role',
    body: (needed: string) =>
      `This page needs the right “${needed}”, which your role does not include. Ask an admin of the account.`,
  },
  capabilities: {
    ViewBase: 'view',
    ViewEndpointSecret: 'see signing secrets',
    ManageEndpointSecret: 'change signing secrets',
    ManageTransformations: 'manage transformations',
    CreateAttempts: 'send and replay',
    ManageEndpoint: 'manage endpoints',
    ManagePopulation: 'manage producers',
    ManageAccount: 'manage the account',
  } as Readonly<Record<string, string>>,
  needs: (capability: string) => `Your role does not include the right to ${capability}`,

  shell: {
    skip: 'Skip to content',
    nav: 'Main',
    openNav: 'Menu',
    search: 'NPN, event or endpoint ID',
    searchName: 'Go to an NPN or ID',
    account: 'Account',
    switchAccount: 'Switch account',
    zone: 'Time zone',
    zoneLocal: (name: string) => `This browser (${name})`,
    zoneOther: 'Another zone…',
    user: 'You',
    theme: 'Theme',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    parity: 'API and CLI for this',
    shortcuts: 'Keyboard shortcuts',
    profile: 'Settings',
    signOut: 'Sign out',
    notSignedOut: 'You are still signed in',
    environment: { sandbox: 'Sandbox', production: 'Production' },
    clockAt: ' · clock at',
    clockMoved: (date: string) => ` ${date}`,
    staff: 'Staff',
    home: 'Home',
    endpoints: 'Endpoints',
    log: 'Event log',
    replays: 'Replays',
    issues: 'Issues',
    catalog: 'Event catalogue',
    producers: 'Producers',
    runs: 'Daily runs',
    activity: 'Activity',
    developers: 'Developers',
    settings: 'Settings',
    accounts: 'Accounts',
    links: 'Login links',
    health: 'Health',
    look: 'Look',
    niprRuns: 'NIPR runs',
  },

  keys: {
    title: 'Keyboard shortcuts',
    tip: (keys: string) => `Key: ${keys}`,
    off: 'Single-key shortcuts are off. You can switch them on in Settings.',
    search: 'Search box',
    help: 'This list',
    go: (where: string) => `Go to ${where}`,
    next: 'Next row',
    previous: 'Previous row',
    open: 'Open the row',
    openTab: 'Open the row in a new tab',
    utc: 'UTC and back',
    escape: 'Close, back to what opened it',
    select: 'Select the row',
    replay: 'Replay',
    copyId: 'Copy the ID',
    olderAttempt: 'Previous attempt',
    newerAttempt: 'Next attempt',
    live: 'Pause or resume live',
  },

  login: {
    title: 'Sign in',
    lead: 'This link signs you in once. It is used up only when you continue.',
    go: 'Continue',
    going: 'Signing in…',
    without: 'Open the login link you were sent',
    withoutBody:
      'There are no passwords here. An admin of your account, or the operator of this service, sends you a link that works once.',
    unusable: 'This link cannot be used',
    unusableBody:
      'It was used already, has expired, was withdrawn, or is not complete. Ask the admin who sent it for a new one.',
    again: 'Sign in again',
  },
  session: {
    idleTitle: 'Are you still there?',
    idleBody: (left: string) => `You will be signed out in ${left}. Press any key to stay.`,
    stay: 'Stay signed in',
    endedTitle: 'Your session has ended',
    endedBody:
      'What you typed is still here. Open a new login link in another tab of this browser, then continue on this page.',
    endedEmbedded: 'What you typed is still here. The page around this one has been asked to sign you in again.',
    resume: 'I have signed in again',
    notYet: 'No session yet. Open a login link in another tab first.',
  },

  staff: {
    viewing: 'Viewing as staff',
    back: 'All accounts',
    readOnly: 'Support looks on: an operator can change something here',
    reasonFirst: 'You look at this account as staff: press “Make changes…” above and say why',
    change: 'Make changes…',
    changeTitle: (account: string) => `Change ${account} as staff?`,
    changeBody: 'Each change stands in the activity of this account, with your name and this reason.',
    reason: 'Reason',
    because: (reason: string) => `Reason: ${reason} ·`,
    reasonHint: 'Such as the number of the ticket. The account’s people read it.',
    begin: 'Make changes',
    changing: 'Changing this account as staff',
    stop: 'Stop changing',
  },
  live: {
    live: 'Live',
    reconnecting: 'Reconnecting',
    paused: 'Paused',
    polling: 'Every 10 s',
    pause: 'Pause live updates',
    resume: 'Resume live updates',
    changes: (changes: number) => `Show ${plural(changes, 'change')}`,
  },

  range: {
    label: 'Period',
    presets: {
      '-15m': 'Last 15 minutes',
      '-1h': 'Last hour',
      '-24h': 'Last 24 hours',
      '-7d': 'Last 7 days',
      '-30d': 'Last 30 days',
    } as Readonly<Record<string, string>>,
    custom: 'Custom…',
    customTitle: 'Choose a period',
    from: 'From',
    to: 'To',
    now: 'now',
    between: (from: string, to: string) => `${from} – ${to}`,
    apply: 'Apply',
    order: 'The end is before the start.',
    tooEarly: (days: number) => `Events are kept for ${days} days; nothing older can be shown.`,
    retention: (days: number, zone: string) => `Times are in ${zone}. Events are kept for ${days} days.`,
    zone: (zone: string) => `Times are in ${zone}.`,
    repeated: 'This hour comes twice, as the clocks go back. Which one?',
    first: (zone: string) => `The first (${zone})`,
    second: (zone: string) => `The second (${zone})`,
    incomplete: 'Enter a date and a time.',
  },

  states: {
    waiting: 'Waiting',
    sending: 'Sending',
    retrying: 'Retrying',
    retryingOf: (made: number, max: number) => `Retrying ${made} of ${max}`,
    delivered: 'Delivered',
    exhausted: 'Exhausted',
    canceled: 'Cancelled',
    skipped: 'Skipped',
  },
  endpointStates: {
    unverified: 'Unverified',
    healthy: 'Healthy',
    degraded: 'Degraded',
    failing: 'Failing',
    paused: 'Paused',
    disabled: 'Disabled',
  },
  dataStates: {
    loading: 'Loading',
    ready: 'Ready',
    no_licenses: 'No licences',
    not_found: 'Unknown to NIPR',
    removed: 'Removed',
  },
  runStates: {
    scheduled: 'Scheduled',
    collecting: 'Collecting',
    publishing: 'Publishing',
    published: 'Published',
    no_report: 'No report',
    held: 'Held',
    failed: 'Failed',
    no_run: 'No run',
    late: (word: string) => `${word}, late`,
  },
  disabledBecause: {
    manual: 'by a person',
    failures: 'after failing for too long',
    gone: 'because it answered 410 Gone',
    receiver_request: 'because the receiver asked for it',
  },

  json: {
    tree: 'Tree',
    raw: 'Raw',
    view: 'How to show it',
    search: 'Search in it',
    matches: (matches: number) => plural(matches, 'match', 'matches'),
    wrap: 'Wrap lines',
    copyValue: 'value',
    copyPath: 'path',
    copyAll: 'body',
    expand: 'Show what is in it',
    collapse: 'Hide what is in it',
    items: (items: number) => plural(items, 'item'),
    members: (members: number) => plural(members, 'member'),
    rest: (left: number) => `Show ${count(left)} more`,
    cut: (shown: string, whole: string) => `First ${shown} of ${whole}`,
    notText: 'These bytes are not UTF-8, so they are shown in hexadecimal.',
    notJson: 'This is not JSON.',
    html: 'This looks like a web page, often a login page or a firewall in front of the endpoint.',
    empty: 'Empty body',
  },

  charts: {
    table: 'Table',
    chart: 'Chart',
    bucket: 'Period',
    delivered: 'Delivered',
    failed: 'Failed',
    keys: 'Arrow keys move through the periods, Enter opens the event log.',
    outcomes: (ok: number, failed: number) => `${count(ok)} delivered and ${count(failed)} failed attempts.`,
    latency: (p50: string, p95: string, max: string) => `Median ${p50}, 95th percentile ${p95}, longest ${max}.`,
    noLatency: 'No answers in this period.',
    noTraffic: 'No traffic',
    p50: 'p50',
    p95: 'p95',
    max: 'max',
    limit: 'limit',
  },

  home: {
    sentence: {
      noEndpoints: 'No endpoint yet: nothing is delivered.',
      failing: (which: string) => `${which} failing.`,
      failingSince: (which: string, since: string) => `${which} failing since ${since}.`,
      paused: (which: string) => `${which} paused after failures; deliveries wait.`,
      degraded: (which: string) => `${which} ${which.startsWith('1 ') ? 'answers' : 'answer'} slowly or with errors.`,
      allHealthy: (total: number) =>
        total === 1 ? 'The endpoint is healthy.' : `All ${count(total)} endpoints are healthy.`,
      someHealthy: (healthy: number, enabled: number, disabled: number, unverified: number) =>
        [
          `${count(healthy)} of ${count(enabled)} enabled endpoints ${healthy === 1 ? 'is' : 'are'} healthy`,
          unverified > 0 && `${count(unverified)} not tried yet`,
          disabled > 0 && `${count(disabled)} disabled`,
        ]
          .filter(Boolean)
          .join(', ')
          .concat('.'),
      unverified: (which: string) => `${which} not tried yet.`,
      allDisabled: 'All endpoints are disabled: nothing is delivered.',
    },
    delivered: 'Delivered, 24 h',
    deliveredOf: (delivered: number, of: number) => `${count(delivered)} of ${count(of)}`,
    noTraffic: 'No traffic in 24 h',
    retrying: 'Waiting to be sent',
    next: 'Next',
    nothingWaits: 'Nothing waits',
    exhausted: 'Exhausted, 24 h',
    noneExhausted: 'None given up',
    canBeReplayed: 'Given up; can be replayed',
    responseTime: 'Response p95, 24 h',
    limit: (limit: string) => `Limit ${limit}`,
    attention: 'Needs attention',
    recent: 'Last deliveries',
    noDeliveries: 'Nothing was delivered yet',
    seeLog: 'All deliveries ›',
    signal: {
      title: 'Daily signal',
      none: 'None yet',
      noneYet: 'The first daily run of this account is still to come.',
      published: 'Published',
      noEvent: 'no event for this account',
      deliveredOf: (delivered: number, of: number) => `delivered ${count(delivered)} of ${count(of)}`,
      onTime: 'On time',
      lateSince: (at: string) => `Late since ${at}`,
      dueBy: (at: string) => `Next due by ${at}`,
      states: {
        published: 'Published',
        late: 'Published late',
        failed: 'Failed',
        no_report: 'No report',
        held: 'Held',
        overdue: 'Overdue',
        due: 'To come',
        none: 'No run',
      },
    },
    attentionOf: {
      signal_late: 'The daily signal is late',
      endpoint_disabled: 'Endpoint disabled',
      endpoint_failing: 'Endpoint failing',
      endpoint_paused: 'Endpoint paused',
      endpoint_degraded: 'Endpoint slow or with errors',
      since: (what: string | null) => (what === null ? 'Since' : `${what} since`),
      disables: 'It will be disabled',
      unless: 'unless a delivery succeeds.',
      test: 'Send test',
      why: 'Why?',
      seeRuns: 'Daily runs',
    },
    checklist: {
      title: 'To your first event',
      left: (left: string) => `${left} left`,
      done: ' (done)',
      steps: {
        producers: 'Add producers',
        endpoint: 'Add an endpoint',
        test_answered: 'Send a test that is answered',
        signature_checked: 'Pass the signature check',
        first_event: 'First real event',
      } as Readonly<Record<string, string>>,
    },
  },
}
