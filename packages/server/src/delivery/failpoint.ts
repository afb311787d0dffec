/** Places at which a test stops, delays or breaks a process. In production each is an empty call. */
export type FailpointName =
  | 'accept.before_commit'
  | 'accept.after_commit'
  | 'own.after_commit'
  | 'send.before_write'
  | 'send.after_response'
  | 'record.before_commit'
  | 'record.after_commit'

export type Failpoint = (name: FailpointName) => Promise<void> | undefined

export const noFailpoint: Failpoint = () => undefined
