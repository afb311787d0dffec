/**
 * What a migration may do while processes of the release before run on the same database: add. Whatever takes something away, or
 * refuses what they write, waits for the release after: then nobody uses it any more, and the file says so in a line
 * `-- contracts: why nobody needs it`.
 */

const TAKES_AWAY: readonly [RegExp, string][] = [
  [
    /\bdrop\s+(table|view|materialized view|function|procedure|type|domain|sequence|trigger|policy|index|schema)\b/,
    'drops',
  ],
  [/\balter\s+table\b[^;]*\bdrop\s+(column|constraint|default|not\s+null)?/, 'drops'],
  [/\brename\b/, 'renames'],
  [/\balter\s+(column\s+)?\w+\s+(set\s+data\s+)?type\b/, 'changes a type'],
  [/\bset\s+not\s+null\b/, 'refuses null'],
  [/\brevoke\b[^;]*\bfrom\b[^;]*\bpsapi_/, 'revokes'],
  [/\balter\s+type\b/, 'changes a type'],
]
const ADDS_CONSTRAINT =
  /\balter\s+table\s+(?:only\s+)?(\w+)\b[^;]*\badd\s+(?:constraint|check|unique|primary|foreign)\b/g
const ADDS_UNIQUE = /\bcreate\s+unique\s+index\b[^;]*?\bon\s+(\w+)/g
const ADDS_COLUMN = /\badd\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?(\w+)\s+([^,;]*)/g
const CONTRACTS = /^-- contracts: \S.*$/m
const WORKS_WITH = /^-- works with: (\d{3})$/m

/** What a migration does that a process of the release before would trip over; empty: both may run. */
export function breaksFormer(text: string): string[] {
  if (CONTRACTS.test(text)) return []
  const code = withoutBodies(text)
  const made = new Set([...code.matchAll(/\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)/g)].map(([, name]) => name))
  const faults = TAKES_AWAY.flatMap(([pattern, what]) => (pattern.test(code) ? [what] : []))
  for (const pattern of [ADDS_CONSTRAINT, ADDS_UNIQUE]) {
    for (const [, table] of code.matchAll(pattern)) if (!made.has(table)) faults.push(`refuses rows of ${table}`)
  }
  for (const statement of code.match(/\balter\s+table\b[^;]*/g) ?? []) {
    for (const [, name, rest = ''] of statement.matchAll(ADDS_COLUMN)) {
      const isRequired = /\bnot\s+null\b/.test(rest) && !/\bdefault\b|\bgenerated\b/.test(rest)
      if (isRequired && !/^(constraint|check|unique|primary|foreign)$/.test(name ?? '')) faults.push(`requires ${name}`)
    }
  }
  return [...new Set(faults)]
}

/** The oldest migration that a program has to know to run on the schema that this one leaves; undefined: it is not said. */
export function worksWith(text: string): number | undefined {
  const number = WORKS_WITH.exec(text)?.[1]
  return number === undefined ? undefined : Number(number)
}

/** Lower-case statements alone: no comments, no texts, and no bodies of functions, which run later. */
function withoutBodies(text: string): string {
  return text
    .replace(/--.*$/gm, '')
    .replace(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .replace(/'(?:[^']|'')*'/g, "''")
    .toLowerCase()
}
