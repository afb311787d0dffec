/** Another process runs the database of this data folder. */
export class EmbeddedInUse extends Error {
  constructor(dataDir: string, holder: string | undefined) {
    const who = holder ? `process ${holder}` : 'another process'
    super(
      `The data folder ${dataDir} is in use by ${who}. Stop it, or give this process a folder of its own; ` +
        'for several processes on one database, set DATABASE_URL.',
    )
    this.name = 'EmbeddedInUse'
  }
}

/** The embedded PostgreSQL cannot be started, or has died too often; the message says why. */
export class EmbeddedFailed extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'EmbeddedFailed'
  }
}
