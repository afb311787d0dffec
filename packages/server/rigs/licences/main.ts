import { productionLicences } from './licences.ts'

/** `npm run -s licences [-- --json]`: the packages of a release with their licences, a line each, separated by tabs. */
const packages = productionLicences()
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ packages })}\n`)
else
  for (const { name, version, licence } of packages) process.stdout.write(`${name}\t${version}\t${licence ?? 'none'}\n`)
