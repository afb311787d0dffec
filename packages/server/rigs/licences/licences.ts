import { readFileSync } from 'node:fs'

/** A package that is installed for production, and under which licence; null: it does not say. */
export type Licence = { name: string; version: string; licence: string | null; integrity: string | null }

type Entry = { version?: string; dev?: boolean; link?: boolean; license?: string; integrity?: string }

const LOCKFILE = new URL('../../../../package-lock.json', import.meta.url)
const INSTALLED = 'node_modules/'

/** Of what the lockfile installs beside development: npm writes each package's licence into it. By name. */
export function productionLicences(): Licence[] {
  const { packages }: { packages: Record<string, Entry> } = JSON.parse(readFileSync(LOCKFILE, 'utf8'))
  return Object.entries(packages)
    .filter(([path, { dev, link }]) => path.includes(INSTALLED) && !dev && !link)
    .map(([path, { version, license, integrity }]) => ({
      name: path.slice(path.lastIndexOf(INSTALLED) + INSTALLED.length),
      version: version ?? '',
      licence: license ?? null,
      integrity: integrity ?? null,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/**
 * The bill of materials of these packages, in CycloneDX 1.5. Not by `npm sbom --omit dev`: that leaves out what is also a development
 * dependency of another workspace, such as fastify and pg (npm 11).
 */
export function billOfMaterials(packages: readonly Licence[], version: string): object {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', name: 'producersync', version } },
    components: packages.map(({ name, version: own, licence, integrity }) => ({
      type: 'library',
      name,
      version: own,
      purl: `pkg:npm/${name.replace('@', '%40')}@${own}`,
      ...(licence === null ? {} : { licenses: [{ expression: licence }] }),
      ...(integrity?.startsWith('sha512-')
        ? {
            hashes: [
              { alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') },
            ],
          }
        : {}),
    })),
  }
}
