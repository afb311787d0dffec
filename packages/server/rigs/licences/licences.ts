import { readFileSync } from 'node:fs'

/** A package that is installed for production, and under which licence; null: it does not say. */
export type Licence = { name: string; version: string; licence: string | null }

type Entry = { version?: string; dev?: boolean; link?: boolean; license?: string }

const LOCKFILE = new URL('../../../../package-lock.json', import.meta.url)
const INSTALLED = 'node_modules/'

/** Of what the lockfile installs beside development: npm writes each package's licence into it. By name. */
export function productionLicences(): Licence[] {
  const { packages }: { packages: Record<string, Entry> } = JSON.parse(readFileSync(LOCKFILE, 'utf8'))
  return Object.entries(packages)
    .filter(([path, { dev, link }]) => path.includes(INSTALLED) && !dev && !link)
    .map(([path, { version, license }]) => ({
      name: path.slice(path.lastIndexOf(INSTALLED) + INSTALLED.length),
      version: version ?? '',
      licence: license ?? null,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
