import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const FOLDER_PREFIX = 'producersync-test-'

/** Set by the test run for its workers: the id of its process. */
export const TEST_RUN = 'PRODUCERSYNC_TEST_RUN'

/** A folder that bears the name of its test run, which removes it at its end where a test has left it behind (`global-setup.ts`). */
export function temporaryFolder(parent = tmpdir()): string {
  return mkdtempSync(join(parent, `${FOLDER_PREFIX}${process.env[TEST_RUN] ?? process.pid}-`))
}
