import { readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { toSettings } from '../../packages/server/src/accounts/environment-settings.ts'
import { FAILURE_CLASSES } from '../../packages/server/src/delivery/failure-classes.ts'

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

/** @returns the page with every `<!-- from: … -->` block as the code has it now */
export function regenerate(pageFile: string, page: string): string {
  return page.replaceAll(
    BLOCK,
    (_, begin: string, source: string, end: string) => begin + contentOf(pageFile, source) + end,
  )
}

function contentOf(pageFile: string, source: string): string {
  if (source === 'retry schedule') return retrySchedule()
  if (source === 'failure classes') return failureClasses()
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

function retrySchedule(): string {
  const { retrySchedule: waits } = toSettings({})
  const rows = waits.map((wait, index) => {
    const total = waits.slice(0, index + 1).reduce((sum, seconds) => sum + seconds, 0)
    return `| ${index + 2} | ${inWords(wait)} | ${inWords(total)} |\n`
  })
  return `\n| attempt | after | since the first |\n|---|---|---|\n| 1 | at once | – |\n${rows.join('')}\n`
}

function inWords(seconds: number): string {
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  const parts = [
    hours > 0 ? `${hours} h` : '',
    minutes > 0 ? `${minutes} min` : '',
    seconds % 60 > 0 && hours === 0 ? `${seconds % 60} s` : '',
  ]
  return parts.filter((part) => part !== '').join(' ')
}

function failureClasses(): string {
  const entries = Object.entries(FAILURE_CLASSES).map(([name, { title, advice, retried }]) => {
    const words = (text: string) => text.replace('STATUS', 'NNN').replace('LIMIT', "the endpoint's limit")
    const then = retried ? 'It is tried again by the schedule.' : 'It is not tried again.'
    return `<a id="${name}"></a>\n\n## ${words(title)} \`${name}\`\n\n${words(advice)}. ${then}\n`
  })
  return `\n${entries.join('\n')}\n`
}
