/** What is meant to differ from one of the Svix descriptions. L: the one of the SDKs, S: of the open-source server. */
type Difference = { fault: RegExp; why: string }

const DIFFERENCES: readonly Difference[] = [
  {
    fault: /^L GET \/api\/v1\/auth\/whoami: 200\.streamAppId is not there$/,
    why: 'There are no streams here; the member is not required.',
  },
  {
    fault: /^S DELETE .*\/content: 204 is not described/,
    why: 'S lists no success of these at all; L says 204.',
  },
  {
    fault: /^S POST \/api\/v1\/auth\/logout: 4\d\d is not described/,
    why: 'S lists nothing but the success of this one; L lists the refusals.',
  },
  {
    fault: /^L GET \/api\/v1\/app: the query has no exclude_apps_with_svix_play_endpoints$/,
    why: 'There is no Svix Play here; the parameter is ignored as any unknown one.',
  },
  {
    fault: /^S POST .*\/send-example: 202 is not described/,
    why: 'L says 202, S says 200; the SDKs are made from L.',
  },
  {
    fault: /^S .*\/status(Text)? must be equal to one of the allowed values/,
    why: 'S does not know status 4, canceled.',
  },
  {
    fault: /^S .*\/channels must NOT have more than 5 items/,
    why: 'L lets a message have ten channels, as an endpoint; S lets it have five.',
  },
]

/** @param fault as a judge words it, after the description's letter */
export function isIntended(fault: string): boolean {
  return DIFFERENCES.some((difference) => difference.fault.test(fault))
}
