import { VERSION } from '#src/version.ts'
import { billOfMaterials, productionLicences } from './licences.ts'

/**
 * `npm run -s licences`: the packages of a release with their licences, a line each, separated by tabs. `--json`: as one object;
 * `--cyclonedx`: as the bill of materials.
 */
const packages = productionLicences()
const [format] = process.argv.slice(2)
if (format === '--cyclonedx') process.stdout.write(`${JSON.stringify(billOfMaterials(packages, VERSION))}\n`)
else if (format === '--json') process.stdout.write(`${JSON.stringify({ packages })}\n`)
else
  for (const { name, version, licence } of packages) process.stdout.write(`${name}\t${version}\t${licence ?? 'none'}\n`)
