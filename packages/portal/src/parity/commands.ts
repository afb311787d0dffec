/** A read of the API, as a shell's commands. `cli` is absent where the command line has no such read. */
export type Commands = { path: string; curl: string; cli?: string }

/** What follows `/api/v1/app/{account}` or `/api/v1`, and the command that reads the same. */
const COMMANDS: readonly (readonly [path: RegExp, command: string])[] = [
  [/^\/endpoint(?:-health)?$/, 'endpoints list'],
  [/^\/endpoint\/([^/]+)$/, 'endpoints get $1'],
  [/^\/endpoint\/([^/]+)\/headers$/, 'endpoints headers $1'],
  [/^\/delivery$/, 'deliveries list'],
  [/^\/msg\/([^/]+)(?:\/timeline)?$/, 'events get $1'],
  [/^\/replay$/, 'replay list'],
  [/^\/replay\/([^/]+)$/, 'replay status $1'],
  [/^\/event-type$/, 'catalog list'],
  [/^\/event-type\/([^/]+)$/, 'catalog get $1'],
  [/^\/population$/, 'producers list'],
  [/^\/population\/job$/, 'jobs list'],
  [/^\/population\/job\/([^/]+)$/, 'jobs get $1'],
  [/^\/population\/(\d+)$/, 'producers get $1'],
  [/^\/run$/, 'runs list'],
  [/^\/run\/(\d{4}-\d{2}-\d{2})$/, 'runs get $1'],
]

/** Parameters of lists that are options of the command, under its names. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'deliveries list': {
    ...{ state: 'state', type: 'type', endpoint: 'endpoint', class: 'class', code: 'code', npn: 'npn', q: 'event' },
    ...{ from: 'from', to: 'to', limit: 'limit' },
  },
  'producers list': { q: 'search', state: 'state', sort: 'sort', limit: 'limit' },
}

/**
 * The same read for a terminal. The token stands there as a variable: none is ever shown.
 * @param path  from the root, with its query
 */
export function commandsOf(path: string, origin: string): Commands {
  const cli = cliOf(path)
  return {
    path,
    curl: `curl -s ${quoted(origin + path)} -H "Authorization: Bearer $PSAPI_TOKEN"`,
    ...(cli === undefined ? {} : { cli: `psapi ${cli}` }),
  }
}

function cliOf(whole: string): string | undefined {
  if (whole.split('?')[0] === '/v1/sandbox/clock') return 'sandbox clock'
  const { pathname, searchParams } = new URL(whole, 'https://portal.invalid')
  const path = pathname.replace(/^\/api\/v1(?:\/app\/[^/]+)?/, '')
  for (const [pattern, command] of COMMANDS) {
    if (!pattern.test(path)) continue
    const options = OPTIONS[command] ?? {}
    // a position in a list, a bucket and the like are of the page, not of the question
    const flags = [...new Set(searchParams.keys())].flatMap((name) =>
      options[name] === undefined ? [] : [`--${options[name]} ${quoted(searchParams.getAll(name).join(','))}`],
    )
    return [path.replace(pattern, command), ...flags].join(' ')
  }
  return undefined
}

function quoted(text: string): string {
  return /^[\w.,:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
