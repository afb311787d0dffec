import type { Stage } from './stage.ts'

/** Strings that a careless page would run, or take for something else. Source: portal G18 */
export const HOSTILE = [
  '<script>window.pwned=1</script>',
  '<img src=x onerror="window.pwned=2">',
  '<svg/onload=window.pwned=3>',
  '"><script>window.pwned=4</script>',
  "'-window.pwned--'",
  'javascript:window.pwned=5',
  '<iframe srcdoc="<script>parent.pwned=6</script>">',
  '<a href="javascript:window.pwned=7">x</a>',
  '<style>*{display:none}</style>',
  '<base href="https://evil.example/">',
  '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
  '<form action="https://evil.example/"><button>x</button></form>',
  '{{constructor.constructor("window.pwned=8")()}}',
  '\u0024{window.pwned=9}',
  '</title><script>window.pwned=10</script>',
  '</textarea><script>window.pwned=11</script>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=12>',
  '<object data="data:text/html,<script>parent.pwned=13</script>">',
  '<link rel=stylesheet href="https://evil.example/x.css">',
  '<video><source onerror="window.pwned=14"></video>',
  '<details open ontoggle=window.pwned=15>',
  '<input autofocus onfocus=window.pwned=16>',
  '\u202Eright to left\u202C',
  'null\u2028line\u2029separators',
  '__proto__',
  '=HYPERLINK("https://evil.example","x")',
  '+1+1',
  '@SUM(1,1)',
  '%3Cscript%3Ewindow.pwned=17%3C/script%3E',
  '&lt;script&gt;window.pwned=18&lt;/script&gt;',
]

/** All of them, in texts that are no longer than a field takes. */
function within(lengthMax: number): string[] {
  const texts: string[] = []
  for (const one of HOSTILE) {
    const longer = `${texts.at(-1) ?? ''} ${one}`.trim()
    if (texts.length > 0 && longer.length <= lengthMax) texts[texts.length - 1] = longer
    else texts.push(one)
  }
  return texts
}

/** Stores them in each field of an account that takes any text, beside its events and endpoints. Source: portal G18 */
export async function storeHostile(stage: Stage, account: string, of: { issue: string; npn: string }): Promise<void> {
  const path = `/api/v1/app/${account}`
  const key = { token: stage.keys.sandbox }
  const all = HOSTILE.join(' ')
  const { url } = stage.receiver(0)
  const channels = within(100)
    .slice(0, CHANNELS_MAX)
    .map((name) => ({ kind: 'chat', name, url, rules: ['exhausted'], enabled: false }))
  await stage.ok('PUT', `${path}/notification-rules`, { channels }, key)
  for (const name of within(256)) {
    await stage.ok('POST', `${path}/key`, { kind: 'apiKey', name, role: 'viewer' }, key)
    await stage.ok('POST', `${path}/member`, { person: name, role: 'viewer' }, key)
    await stage.make('/api/v1/app', { name })
  }
  await stage.ok('PATCH', `${path}/issue/${of.issue}`, { note: within(1_000)[0] }, key)
  await stage.write('update entity set first_name = $1, last_name = $2 where npn = $3::bigint', [
    all,
    HOSTILE[1],
    of.npn,
  ])
}

const CHANNELS_MAX = 10
