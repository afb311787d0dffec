import { readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { cliText } from './cli-text.ts'
import { eventTypesText, schemaFilesTable } from './event-text.ts'
import { failureText } from './failure-text.ts'
import { alertsTable, limitsTable, metricsTable, retryScheduleTable, settingsTable } from './tables.ts'

const BLOCK = /(<!-- from: (.+?) -->\n)[\s\S]*?(<!-- end -->)/g
const LANGUAGES: Record<string, string> = {
  '.mjs': 'js',
  '.ts': 'ts',
  '.py': 'python',
  '.java': 'java',
  '.go': 'go',
  '.rb': 'ruby',
  '.php': 'php',
  '.cs': 'csharp',
  '.sh': 'sh',
}

/** Texts that are made of the code, by the name that a page calls them by. */
const TEXTS: Record<string, () => string> = {
  'retry schedule': retryScheduleTable,
  'failure classes': failureText,
  'event types': eventTypesText,
  'schema files': schemaFilesTable,
  'cli help': cliText,
  limits: limitsTable,
  settings: settingsTable,
  metrics: metricsTable,
  alerts: alertsTable,
}

/** @returns the page with every `<!-- from: … -->` block as the code has it now */
export function regenerate(pageFile: string, page: string): string {
  return page.replaceAll(
    BLOCK,
    (_, begin: string, source: string, end: string) => begin + contentOf(pageFile, source) + end,
  )
}

function contentOf(pageFile: string, source: string): string {
  const text = TEXTS[source]
  if (text) return text()
  const [path = '', region] = source.split('#')
  const code = readFileSync(resolve(dirname(pageFile), path), 'utf8')
  return `\`\`\`${LANGUAGES[extname(path)] ?? ''}\n${region === undefined ? code : regionOf(code, region, path)}\`\`\`\n`
}

function regionOf(code: string, region: string, path: string): string {
  const lines = code.split('\n')
  const begin = lines.findIndex((line) => new RegExp(`#? ?region ${region}$`).test(line))
  const end = lines.findIndex((line) => new RegExp(`end ?region ${region}$`).test(line))
  if (begin < 0 || end < begin) throw new Error(`${path} has no region ${region}`)
  return `${lines
    .slice(begin + 1, end)
    .join('\n')
    .trim()}\n`
}
