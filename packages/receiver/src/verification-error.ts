const hints = {
  missing_header:
    'Look for a proxy that drops headers, and pass the headers object itself: Object.entries(new Headers()) is always empty, and in Next headers() is a promise.',
  invalid_header: 'Pass id, timestamp and signature once each and exactly as they came in.',
  timestamp_out_of_range:
    "Check this machine's clock; a stored request is verified with `now` set to the moment it came in.",
  no_matching_signature:
    'Is the secret the one of this endpoint, in this environment? Is the body the raw bytes, not JSON that was parsed and written again?',
  body_not_bytes:
    "Pass the raw body. Express: express.raw({ type: '*/*' }) on this route, before any express.json(). Fastify: a content-type parser with parseAs: 'buffer'. Next (App Router), Hono, Remix, SvelteKit, Workers, Deno, Bun: await request.arrayBuffer(). Next (pages): bodyParser: false. Nest: rawBody: true. Google Cloud: req.rawBody. Lambda: event.body, decoded when isBase64Encoded.",
  body_too_large: 'Raise `maxBytes` if you expect webhooks of this size.',
  invalid_json: 'The signature is right: this is what the sender signed.',
  invalid_event: 'The signature is right. Use verify() for webhooks that have another form than the event envelope.',
  invalid_secret:
    "Copy the endpoint's signing secret whole: whsec_… or, for Ed25519, whpk_…, with any = at its end. Is the environment variable set?",
}

/** Why a webhook was refused. Codes are contract, texts are for people. */
export type VerificationCode = keyof typeof hints

/** A webhook that is not to be trusted, or cannot be judged. Its texts hold no secret and nothing of the body. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly code: VerificationCode
  /** What to do about it; the message ends with it too. */
  readonly hint: string

  constructor(code: VerificationCode, whatHappened: string) {
    super(`${whatHappened} ${hints[code]}`)
    this.code = code
    this.hint = hints[code]
  }
}

/** The value `check` gives for a webhook that `unwrap` would have refused. */
export type Refusal = { ok: false; code: VerificationCode; message: string; hint: string }

/** Turns a refusal into its value; any other error is a bug and goes on. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof VerificationError)) throw error
  return { ok: false, code: error.code, message: error.message, hint: error.hint }
}
