/** A read of the API, as a shell's commands. */
export type Commands = { path: string; curl: string; cli: string }

/** What follows `/api/v1/app/{account}` or `/api/v1`, and the command that reads the same. */
const COMMANDS: readonly (readonly [path: RegExp, command: string])[] = [
  [/^\/endpoint$/, 'endpoints list'],
  [/^\/endpoint\/([^/]+)$/, 'endpoints get $1'],
  [/^\/endpoint\/([^/]+)\/headers$/, 'endpoints headers $1'],
  [/^\/delivery$/, 'deliveries list'],
  [/^\/msg\/([^/]+)$/, 'events get $1'],
  [/^\/msg\/([^/]+)\/timeline$/, 'events get $1 --timeline'],
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
  'endpoints list': { limit: 'limit' },
  'deliveries list': {
    ...{ state: 'state', type: 'type', endpoint: 'endpoint', class: 'class', code: 'code', npn: 'npn', q: 'event' },
    ...{ from: 'from', to: 'to', limit: 'limit' },
  },
  'replay list': { limit: 'limit' },
  'catalog list': { limit: 'limit' },
  'producers list': { q: 'search', state: 'state', sort: 'sort', limit: 'limit' },
  'jobs list': { limit: 'limit' },
  'runs list': { limit: 'limit' },
}

/**
 * The same read for a terminal. The token stands there as a variable: none is ever shown.
 * @param path  from the root, with its query
 */
export function commandsOf(path: string, origin: string): Commands {
  return {
    path,
    curl: `curl -s ${quoted(origin + path)} -H "Authorization: Bearer $PSAPI_TOKEN"`,
    cli: `psapi ${named(path) ?? `get ${quoted(path)}`}`,
  }
}

/** The command of its own that a read has; undefined where it has none, or none that asks for all of it. */
function named(whole: string): string | undefined {
  if (whole === '/v1/sandbox/clock') return 'sandbox clock'
  const { pathname, searchParams } = new URL(whole, 'https://portal.invalid')
  if (!pathname.startsWith('/api/v1/')) return undefined
  const path = pathname.replace(/^\/api\/v1(?:\/app\/[^/]+)?/, '')
  for (const [pattern, command] of COMMANDS) {
    if (!pattern.test(path)) continue
    const options = OPTIONS[command] ?? {}
    const names = [...new Set(searchParams.keys())]
    if (names.some((name) => options[name] === undefined)) return undefined
    const flags = names.map((name) => `--${options[name]} ${quoted(searchParams.getAll(name).join(','))}`)
    return [path.replace(pattern, command), ...flags].join(' ')
  }
  return undefined
}

function quoted(text: string): string {
  return /^[\w.,:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
