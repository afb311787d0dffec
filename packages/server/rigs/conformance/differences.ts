/** What is meant to differ from one of the Svix descriptions. L: the one of the SDKs, S: of the open-source server. */
type Difference = { fault: RegExp; why: string }

const DIFFERENCES: readonly Difference[] = [
  {
    fault: /^L GET \/api\/v1\/app: the query has no exclude_apps_with_svix_play_endpoints$/,
    why: 'There is no Svix Play here; the parameter is ignored as any unknown one.',
  },
  {
    fault: /^S POST .*\/send-example: 202 is not described/,
    why: 'L says 202, S says 200; the SDKs are made from L.',
  },
  {
    fault: /^S .*\/status must be equal to one of the allowed values/,
    why: 'S does not know status 4, canceled.',
  },
]

/** @param fault as a judge words it, after the description's letter */
export function isIntended(fault: string): boolean {
  return DIFFERENCES.some((difference) => difference.fault.test(fault))
}
